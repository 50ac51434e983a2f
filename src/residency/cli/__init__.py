"""The command. `main` turns every error into one line on stderr and an exit code (DESIGN section 7.2)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

EXIT_USAGE, EXIT_INTERNAL, EXIT_INTERRUPTED = 2, 4, 130
_INTERRUPTS = ("Query interrupted", "INTERRUPT Error: Interrupted!")  # in the words of the engine


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character shows its code
    if args in (["--version"], ["-V"]):
        from residency._version import __version__

        print(f"residency {__version__}")
        return 0
    try:
        code = _run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader (`| head`) has gone
        from residency.cli.terminal import drop_stdout

        drop_stdout()
        return 0
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        if _is_interrupt(error):
            _complain("interrupted")
            return EXIT_INTERRUPTED
        if os.environ.get("RESIDENCY_DEBUG"):
            raise
        _complain(f"internal failure: {type(error).__name__}: {error}; set RESIDENCY_DEBUG=1 for the traceback")
        return EXIT_INTERNAL


def _run(args: list[str]) -> int:
    import typer

    from residency.cli.app import app
    from residency.errors import ClaimError, ResidencyError

    try:
        code = app(args=args, prog_name="residency", standalone_mode=False)
    except typer.TyperException as error:
        message: str = error.format_message() if hasattr(error, "format_message") else str(error)
        if message:
            message = message.replace("Value error, ", "")  # pydantic's, which says nothing here
            _complain(f"{message.rstrip('.')}; see `{_command(error)} --help`")
        return EXIT_USAGE
    except SystemExit as leaving:
        # Typer leaves so after completions. It and rich also do where the reader of stdout has gone, with 1, which
        # means `violated` here.
        if isinstance(leaving.__context__, BrokenPipeError):
            raise leaving.__context__ from None
        return EXIT_USAGE if leaving.code else 0
    except typer.Abort as error:
        _complain(str(error) or "interrupted")
        return EXIT_INTERRUPTED
    except ClaimError as error:
        for fault in error.faults:
            at = f":{fault.line}" if fault.line is not None else ""
            where = f"{fault.where}: " if fault.where else ""
            _complain(f"{error.path or 'claims'}{at}: {where}{fault.what}")
        if not error.faults:
            _complain(str(error))
        return EXIT_USAGE
    except ResidencyError as error:
        if _is_interrupt(error):
            raise KeyboardInterrupt from error
        _complain(str(error))
        return EXIT_USAGE
    except OSError as error:
        _complain(_told(error))
        return EXIT_USAGE
    if code == EXIT_INTERRUPTED:
        _complain("interrupted")
    return code if isinstance(code, int) else 0


def _command(error: Exception) -> str:
    """Return the command whose help would tell, as in `residency audit`."""
    context = getattr(error, "ctx", None)
    return str(getattr(context, "command_path", "residency"))


def _is_interrupt(error: BaseException | None) -> bool:
    """Tell whether an interrupt is behind an error: the engine makes one of its own of it, and a reader one of ours."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or str(error) in _INTERRUPTS:
            return True
        error = error.__cause__ or error.__context__
    return False


def _told(error: OSError) -> str:
    """Return `FILE: reason` of what the system refused."""
    what = error.strerror or str(error)
    return f"{os.fsdecode(error.filename)}: {what}" if isinstance(error.filename, str | bytes) else what


def _open_standard_streams() -> None:
    """Stand in for streams that were closed (`>&-`): no file that we open may take the number of one of them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (open to the end)


def _complain(text: str) -> None:
    from residency.cli.terminal import complain

    complain(text)

"""The command. `main` turns every error into one line on stderr and an exit code (DESIGN section 7.2)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

EXIT_USAGE, EXIT_INTERNAL, EXIT_INTERRUPTED = 2, 4, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character shows its code
    if args in (["--version"], ["-V"]):
        from residency._version import __version__

        print(f"residency {__version__}")
        return 0
    try:
        return _run(args)
    except BrokenPipeError:
        # The reader (`| head`) has gone: stop quietly, and keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        if str(error) == "Query interrupted":  # what the engine makes of an interrupt while it works
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
            _complain(f"{message.rstrip('.')}; see `{_command(error)} --help`")
        return EXIT_USAGE
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
    except (ResidencyError, OSError) as error:
        _complain(str(error))
        return EXIT_USAGE
    if code == EXIT_INTERRUPTED:
        _complain("interrupted")
    return code if isinstance(code, int) else 0


def _command(error: Exception) -> str:
    """Return the command whose help would tell, as in `residency audit`."""
    context = getattr(error, "ctx", None)
    return str(getattr(context, "command_path", "residency"))


def _complain(text: str) -> None:
    from residency.report.medium import printable

    print(f"residency: error: {printable(text, 500)}", file=sys.stderr)

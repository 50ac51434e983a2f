"""`python -m residency` is the command."""

import sys

from residency.cli import main

sys.exit(main())

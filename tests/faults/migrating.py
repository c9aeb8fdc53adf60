"""A process that migrates as `postroom migrate` does, from any folder, and may be told where to die.

python -m tests.faults.migrating URL FOLDER
"""

import asyncio
import os
import sys
from pathlib import Path

from shared.postgres.migrate import migrate
from shared.runtime import crash_points

if __name__ == "__main__":
    crash_points.arm(os.environ)
    asyncio.run(migrate(sys.argv[1], Path(sys.argv[2])))

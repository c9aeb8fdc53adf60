from tests.faults.conftest import Measured

"""What the stories assert is shown in full."""

import pytest

pytest.register_assert_rewrite("tests.faults.stories", "tests.faults.suites")

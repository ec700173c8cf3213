"""The API against its own document, at length: every phase of schemathesis, thousands of requests as everybody."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.api_fuzzing.conftest import told  # noqa: F401 - the fixture
from tests.integration.api_fuzzing.runs import ROLES, run

pytestmark = pytest.mark.fault

CASES = 2_400


@pytest.mark.parametrize("role", ROLES)
def test_answers_and_document_agree_at_length(told: dict[str, Any], tmp_path: Path, role: str) -> None:  # noqa: F811
    found = run(role, told, tmp_path, 40, "examples,coverage,fuzzing,stateful")
    print(f"{role}: {found.cases} requests; succeeded, by operation: {found.succeeded()}")
    assert found.exit_status == 0, found.said
    assert found.cases >= CASES

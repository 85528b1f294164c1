"""The report on the desk: shown apart from it, with the scripts it carries and no other."""

import pytest

from api.pages.report import WITHOUT, policy_of
from tests.api.pages.conftest import Office

OWN = (
    "default-src 'none'; script-src 'sha256-{}='; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
    "form-action 'none'"
)
META = '<meta http-equiv="Content-Security-Policy" content="{}">'


def test_before_a_report_the_page_says_so(office: Office) -> None:
    """And there is nothing to open."""
    person = office.signed_in("Vera")
    assert "No report was written yet." in person.get("/desk/report").text
    assert person.get("/desk/report/file").status_code == 404
    assert person.get("/desk/report/download").status_code == 404


def test_a_report_is_opened_apart_and_kept(office: Office) -> None:
    """The page says when it was made; only who may ask for jobs has one written anew."""
    (office.desk.root / "report.html").write_text("<!doctype html><p>It rose.", encoding="utf-8")
    person = office.signed_in("Vera")
    page = person.get("/desk/report").text
    assert "Made " in page
    assert 'value="report"' not in page
    assert 'value="report"' in office.signed_in("Anton").get("/desk/report").text
    shown, kept = person.get("/desk/report/file"), person.get("/desk/report/download")
    assert shown.data == kept.data
    assert "attachment" in kept.headers["Content-Disposition"]
    policy = shown.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts allow-modals;" in policy
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'none'" in policy
    assert office.desk.app.test_client().get("/desk/report/file").status_code == 303


@pytest.mark.parametrize(
    "head",
    [
        "",
        "<script>alert(1)</script>",
        META.format("script-src 'unsafe-inline'"),
        META.format(OWN.format("x" * 43).replace("; style-src", " 'unsafe-inline'; style-src")),
        META.format(OWN.format("x" * 43).replace("default-src 'none'", "default-src *")),
        META.format(OWN.format("x" * 12)),
        " " * 5000 + META.format(OWN.format("x" * 43)),
    ],
)
def test_of_any_other_file_no_script_runs(head: str) -> None:
    """Whatever it says of itself."""
    assert policy_of(head.encode()).startswith(f"{WITHOUT}; sandbox")
    assert "script-src" not in policy_of(head.encode())

"""How the configuration stands, what of it is not the default, and what differs from another or from what runs."""

from pathlib import Path

from tests.cli.office import Office, built, commsd

RULES = """
[calendar.office]
tz = "Europe/Berlin"
hours = "mon-fri 09:00-17:00"   # ours
[policy.standard]
calendar = "office"
ack = "15m"
[[rule]]
policy = "standard"
"""

SECRET_ADDRESS = '[route.chat]\nwebhook = "https://chat.example.com/hooks/T0K3N?x=S3CRET"\n'


def with_rules(folder: Path, text: str = RULES) -> Path:
    (folder / "sla").mkdir(exist_ok=True)
    (folder / "sla" / "office.toml").write_text(text)
    return folder


def test_only_what_is_not_the_default_is_shown_on_demand(tmp_path: Path) -> None:
    folder = built(tmp_path, '[cases]\nauto_close = "168h"\n[callbacks]\ntries = 4\nretry = { busy = "5m" }\n')
    shown = commsd("--config", str(folder), "config", "show", "--changed", "--json").json
    assert shown["callbacks.tries"] == 4
    assert shown["mailbox.support.imap.password"] == {"env": "PASSWORD"}
    assert not {"cases.auto_close", "callbacks.retry.busy", "http.listen"} & set(shown)  # 168h are 7d
    every = commsd("--config", str(folder), "config", "show", "--effective", "--json").json
    assert (every["cases.auto_close"], every["callbacks.tries"]) == ("7d", 4)


def test_shares_are_shown_as_the_file_has_them(tmp_path: Path) -> None:
    usual, own = built(tmp_path / "usual"), built(tmp_path / "own", '[rules]\nconfirm_share = "35%"\n')
    asked = ("config", "show", "rules.confirm_share")
    assert commsd("--config", str(usual), *asked).out == 'rules.confirm_share = "20%"\n'
    assert commsd("--config", str(own), *asked).out == 'rules.confirm_share = "35%"\n'
    assert commsd("--config", str(own), *asked, "--json").json == {"rules.confirm_share": "35%"}
    assert commsd("--config", str(own), *asked, "--changed").out == 'rules.confirm_share = "35%"\n'
    said = commsd("--config", str(usual), "config", "diff", str(own)).out
    assert '- rules.confirm_share = "20%"\n+ rules.confirm_share = "35%"' in said


def test_all_and_only_some_is_no_choice(empty_office: Office) -> None:
    assert empty_office.commsd("config", "show", "--changed", "--effective").code == 2


def test_an_address_that_lets_in_whoever_knows_it_is_never_shown(tmp_path: Path) -> None:
    other = built(tmp_path / "other")
    folder = built(tmp_path / "one", SECRET_ADDRESS)
    for words in (("show",), ("show", "--changed"), ("show", "--json"), ("diff", str(other))):
        said = commsd("--config", str(folder), "config", *words).out
        assert "chat.example.com" in said
        assert "T0K3N" not in said
        assert "S3CRET" not in said


def test_a_folder_like_this_one_has_no_difference(tmp_path: Path) -> None:
    one, other = with_rules(built(tmp_path / "one")), with_rules(built(tmp_path / "other"))
    main = (other / "commsd.toml").read_text()
    other.joinpath("commsd.toml").write_text(
        main.replace("other/commsd.db", "one/commsd.db") + '[cases]\nauto_close = "7d"\n'
    )
    ran = commsd("--config", str(one), "config", "diff", str(other))
    assert (ran.code, ran.out) == (0, "no difference\n")


def test_the_difference_to_another_folder_is_told_setting_by_setting(tmp_path: Path) -> None:
    one = with_rules(built(tmp_path / "one"))
    other = with_rules(built(tmp_path / "other", '[cases]\nauto_close = "3d"\n'), RULES.replace("15m", "20m"))
    ran = commsd("--config", str(one), "config", "diff", str(other))
    assert ran.code == 1
    assert '- cases.auto_close = "7d"\n+ cases.auto_close = "3d"\n' in ran.out
    assert "--- sla/office.toml\n+++ sla/office.toml\n" in ran.out
    assert '-ack = "15m"\n+ack = "20m"\n' in ran.out
    told = commsd("--config", str(one), "config", "diff", str(other), "--json").json
    assert told["settings"]["cases.auto_close"] == {"before": "7d", "after": "3d"}
    assert told["same"] is False


def test_a_folder_of_rules_alone_is_compared_with_ours(tmp_path: Path) -> None:
    one = with_rules(built(tmp_path / "one"))
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "more.toml").write_text(RULES)
    ran = commsd("--config", str(one), "config", "diff", str(tmp_path / "new"))
    assert ran.code == 1
    assert "--- sla/office.toml\n+++ /dev/null" in ran.out
    assert "--- /dev/null\n+++ sla/more.toml" in ran.out


def test_the_folder_is_compared_with_the_rules_in_force(office: Office) -> None:
    none = office.commsd("config", "diff")
    assert (none.code, none.err.splitlines()[0]) == (1, "no rules are in force yet")
    with_rules(office.folder)
    office.mail()  # the rules come in force
    assert office.done("config", "diff").out == "no difference\n"
    with_rules(office.folder, RULES.replace("# ours", "# and so on"))
    assert office.done("config", "diff").out == "no difference\n"
    with_rules(office.folder, RULES.replace("15m", "20m"))
    ran = office.commsd("config", "diff")
    assert ran.code == 1
    assert '+ack = "20m"' in ran.out


def test_a_folder_that_is_not_there_is_said_so(empty_office: Office) -> None:
    ran = empty_office.commsd("config", "diff", "/nowhere")
    assert (ran.code, ran.err.splitlines()[0]) == (1, "/nowhere is no folder")


def test_the_schemas_are_printed(tmp_path: Path) -> None:
    assert "calendar" in commsd("config", "schema", "sla").json["properties"]
    assert "mailbox" in commsd("config", "schema").json["properties"]
    assert commsd("config", "schema", "xml").code == 2


def test_notes_are_shown_and_refuse_nothing(tmp_path: Path) -> None:
    folder = with_rules(built(tmp_path), RULES.replace("09:00-17:00", "22:00-06:00"))
    ran = commsd("--config", str(folder), "check")
    assert ran.code == 0
    assert 'office.toml:4:9: note: hours: "22:00-06:00" runs to 06:00 next day' in ran.out
    found = commsd("--config", str(folder), "check", "--json").json["findings"]
    assert "note" in {each["severity"] for each in found}

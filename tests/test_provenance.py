"""Where a result comes from: what counts as code, and what the checkout and the machine say."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest

from dae_lab import provenance
from dae_lab.baselines.cache import code_digest
from dae_lab.snapshot import sources


def test_every_package_is_listed_with_its_version():
    found = provenance.packages()
    assert list(found) == sorted(found)
    for name in ("tensorflow", "keras", "numpy", "hydra-core", "mlflow"):
        assert found[name] == version(name)


def test_the_rooms_that_can_change_a_number_are_there():
    assert all((provenance.PACKAGE / room).exists() for room in provenance.RESULT_ROOMS)
    assert all(provenance.packages()[name] for name in provenance.RESULT_PACKAGES)


@pytest.mark.parametrize(
    ("flags", "computes"), [("fpu avx512_bf16 sse", True), ("amx_bf16", True), ("fpu avx2 avx512f", False)]
)
def test_what_linux_says_of_the_processor_tells_whether_it_computes_in_bfloat16(tmp_path, flags, computes):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert provenance.computes_bfloat16(tmp_path / "cpuinfo") is computes
    assert not provenance.computes_bfloat16(tmp_path / "nothing")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the package, which the tests may change."""
    package = tmp_path / "checkout" / "dae_lab"
    shutil.copytree(provenance.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "conf"))
    monkeypatch.setattr(provenance, "PACKAGE", package)
    return package


def looked_at_anew() -> str:
    """The fingerprint as another process, started now, would have it."""
    forget_source()
    return provenance.code_fingerprint()


def forget_source() -> None:
    sources.cache_clear()
    provenance.code_fingerprint.cache_clear()


@pytest.fixture(autouse=True)
def _leave_nothing_behind():
    yield
    forget_source()


def test_the_code_is_told_by_its_content_alone(copied, monkeypatch):
    before = looked_at_anew()
    assert len(before) == 64
    monkeypatch.undo()
    assert looked_at_anew() == before


def append(file, text: str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text)


@pytest.mark.parametrize("file", ["losses.py", "model/latent.py", "training/batches.py", "data/new.py"])
def test_a_statement_in_a_room_that_computes_changes_the_fingerprint(copied, file):
    before = looked_at_anew()
    append(copied / file, "\nADDED = 1\n")
    assert looked_at_anew() != before


@pytest.mark.parametrize("file", ["figures.py", "help.py", "tracking.py", "new.py"])
def test_a_statement_in_another_room_does_not(copied, file):
    before = looked_at_anew()
    append(copied / file, "\nADDED = 1\n")
    assert looked_at_anew() == before


@pytest.mark.parametrize("file", ["losses.py", "model/latent.py", "training/batches.py"])
def test_a_comment_in_a_room_that_computes_does_not(copied, file):
    before = looked_at_anew()
    append(copied / file, "\n\n\n# a remark\n")
    assert looked_at_anew() == before


def test_versions_of_what_computes_count(monkeypatch):
    before = looked_at_anew()
    monkeypatch.setattr(provenance, "RESULT_PACKAGES", ("keras", "numpy", "tensorflow", "pytest"))
    assert looked_at_anew() != before


@pytest.mark.parametrize("name", ["TF_XLA_FLAGS", "ONEDNN_MAX_CPU_ISA", "NPY_DISABLE_CPU_FEATURES"])
def test_settings_of_the_environment_that_numbers_depend_on_count(monkeypatch, name):
    monkeypatch.delenv(name, raising=False)
    before, baselines = looked_at_anew(), code_digest()
    monkeypatch.setenv(name, " ")
    assert (looked_at_anew(), code_digest()) == (before, baselines)
    monkeypatch.setenv(name, "AVX2")
    assert looked_at_anew() != before
    assert code_digest() != baselines


@pytest.mark.parametrize(
    ("line", "instructions"),
    [
        ("flags\t\t: fpu avx512f sse4_2 avx2 sse", "avx2 avx512f sse4_2"),
        ("Features\t: fp sve asimd", "asimd sve"),
    ],
)
def test_linux_tells_the_instructions_of_the_processor(tmp_path, line, instructions):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\nprocessor\t: 1\n{line}\n")
    assert provenance.instructions(tmp_path / "cpuinfo") == instructions
    assert provenance.instructions(tmp_path / "nothing") == ""


def test_a_package_that_is_replaced_while_a_command_runs_is_named(tmp_path, monkeypatch):
    assert provenance.replaced_packages() == []
    folder = tmp_path / "scipy-9.9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: scipy\nVersion: 9.9\n")
    monkeypatch.setattr("sys.path", [*sys.path, str(tmp_path)])  # of two versions the higher one is listed
    assert provenance.replaced_packages() == ["scipy"]


def run(*command: str, folder) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_checkout_tells_its_commit_branch_and_changes(copied):
    assert provenance.git() == {}  # away from a checkout
    root, person = copied.parent, ("-c", "user.name=A", "-c", "user.email=a@b.c")
    run("git", "init", "-q", "-b", "trunk", folder=root)
    run("git", "add", ".", folder=root)
    run("git", *person, "commit", "-q", "-m", "first", folder=root)
    head = run("git", "rev-parse", "HEAD", folder=root)
    assert provenance.git() == {"commit": head, "branch": "trunk", "diff": ""}
    (copied / "seeds.py").write_text("changed\n")
    assert "+changed" in provenance.git()["diff"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_is_asked_about_this_checkout_however_it_is_set_up(copied, monkeypatch):
    root, person = copied.parent, ("-c", "user.name=A", "-c", "user.email=a@b.c")
    run("git", "init", "-q", "-b", "trunk", folder=root)
    run("git", "add", ".", folder=root)
    run("git", *person, "commit", "-q", "-m", "first", folder=root)
    (copied / "seeds.py").write_text("changed\n")
    plain = provenance.git()
    assert "\n+changed" in plain["diff"]
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(copied.parent.parent / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    for number, (key, value) in enumerate({"color.ui": "always", "diff.external": "false"}.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    assert provenance.git() == plain
    if hasattr(os, "getuid") and os.getuid() == 0:  # "dubious ownership", as of a folder in a container
        for path in [root, *root.rglob("*")]:
            os.chown(path, 12345, 12345)
        assert provenance.git() == plain


def test_a_package_inside_another_repository_is_no_checkout_of_ours(copied):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    run("git", "init", "-q", folder=copied.parent.parent)
    assert provenance.git() == {}


def test_the_machine_is_named():
    assert provenance.cpu().endswith(" cores")
    assert int(provenance.cpu().split()[-2]) >= 1
    assert len(provenance.cpu()) > len(platform.machine())
    assert provenance.gpus()


@pytest.fixture
def checkout(copied):
    """A checkout of the copied package, with a committed file of passwords; its folder."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root, person = copied.parent, ("-c", "user.name=A", "-c", "user.email=a@b.c")
    (root / ".gitignore").write_text("*.ignored\n")
    (root / "deploy").mkdir()
    for name in ("deploy/.env.production", "notes.ignored", "plain.txt"):
        (root / name).write_text("before\n")
    run("git", "init", "-q", folder=root)
    run("git", "add", "--force", ".", folder=root)
    run("git", *person, "commit", "-q", "-m", "first", folder=root)
    return root


@pytest.mark.parametrize("name", ["deploy/.env.production", "notes.ignored"])
def test_a_diff_leaves_out_changes_of_files_that_may_hold_secrets(checkout, name):
    (checkout / name).write_text("hunter2\n")
    (checkout / "plain.txt").write_text("after\n")
    diff = provenance.git()["diff"]
    assert "hunter2" not in diff
    assert f"left out: {name}" in diff
    assert "+after" in diff


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        "local.env",
        "server.PEM",
        "id_rsa",
        "MySecrets.yaml",
        "credentials",
        "secrets/api.txt",
        ".netrc",
    ],
)
def test_a_diff_leaves_out_new_files_that_may_hold_secrets(checkout, name):
    file = checkout / "dae_lab" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("hunter2\n")
    (checkout / "dae_lab" / "new.py").write_text("a new module\n")
    diff = provenance.git()["diff"]
    assert "hunter2" not in diff
    assert f"left out: dae_lab/{name}" in diff
    assert "a new module" in diff


def test_a_diff_has_nothing_of_ignored_files_nor_of_what_a_link_leads_to(checkout, tmp_path):
    (tmp_path / "elsewhere.txt").write_text("hunter2\n")
    (checkout / "dae_lab" / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    (checkout / "dae_lab" / "new.ignored").write_text("hunter2\n")
    diff = provenance.git()["diff"]
    assert "hunter2" not in diff
    assert "link.txt" in diff
    assert "new.ignored" not in diff


def test_a_diff_has_no_password_of_an_address(checkout):
    lines = "uri: http://me:hunter2@host/path\ngit+ssh://git@host\nhttps://ghp_hunter2@github.com/me/lab\n"
    (checkout / "plain.txt").write_text(lines)
    diff = provenance.git()["diff"]
    assert "hunter2" not in diff
    assert "+uri: http://…@host/path" in diff
    assert "git+ssh://git@host" in diff
    assert "https://…@github.com/me/lab" in diff


def test_a_preset_that_git_does_not_know_is_in_the_diff(checkout):
    preset = checkout / "conf" / "experiment" / "mine.yaml"
    preset.parent.mkdir(parents=True)
    preset.write_text("tracking: {uri: 'http://me:hunter2@host'}  # a new preset\n")
    (checkout / "somewhere.txt").write_text("somebody's notes\n")
    diff = provenance.git()["diff"]
    assert "a new preset" in diff
    assert "http://host" in diff
    assert "hunter2" not in diff
    assert "notes" not in diff


def test_config_files_from_elsewhere_are_kept_unless_they_may_hold_secrets(checkout, tmp_path):
    texts = {
        "mine.yaml": "sigma: 0.3",
        "secret.yaml": "hunter2",
        ".env/x.yaml": "hunter2",
        "notes.ignored": "hunter2",
    }
    files = [checkout / "presets" / name for name in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "link.yaml").symlink_to(files[1])
    text = provenance.config_text([*files, tmp_path / "link.yaml", tmp_path / "gone.yaml"])
    assert f"config file: {files[0]}\nsigma: 0.3" in text
    assert text.count("left out: ") == 4
    assert "hunter2" not in text

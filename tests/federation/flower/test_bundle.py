"""The working directory follows the package only where the package is a bundle of Flower's."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune.federation.flower import bundle


def test_a_bundle_becomes_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "home" / "apps" / "fedprune.fedprune.1.0.abc" / "fedprune"
    package.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLWR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(bundle, "PACKAGE", package)
    bundle.stay_with_bundle()
    assert Path.cwd() == package.parent


def test_a_checkout_or_an_installed_package_leaves_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLWR_HOME", str(tmp_path / "home"))
    bundle.stay_with_bundle()
    assert Path.cwd() == tmp_path

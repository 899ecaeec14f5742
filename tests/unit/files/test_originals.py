from infoflow.files.originals import find_data_root


def test_the_data_root_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("INFOFLOW_DATA", str(tmp_path))
    assert find_data_root(None) == tmp_path
    assert find_data_root("/elsewhere").as_posix() == "/elsewhere"
    monkeypatch.delenv("INFOFLOW_DATA")
    assert find_data_root(None).name == "infoflow"

"""Settings: where they come from, what is refused, and that the refusal names the variable."""

from __future__ import annotations

import pytest

from edge_agent.addresses import listening_at
from edge_agent.configuration import load, load_state_dir, misspelt
from edge_agent.errors import SettingsError
from edge_agent.protocol import JobKind
from edge_agent.settings import AgentSettings
from edge_agent.state_dir import default_state_dir

NEEDED = {"URL": "https://airflow.example.com", "QUEUES": "q", "TOKEN": "planted-token"}


@pytest.fixture
def setting(monkeypatch):
    """Give a function that sets what is needed, and more, and loads."""

    def read(config=None, **variables):
        for name, value in (NEEDED | variables).items():
            if value is not None:
                monkeypatch.setenv(f"EDGE_AGENT_{name}", str(value))
        return load(config)

    return read


def test_without_settings_those_of_an_installed_agent_are_pointed_at(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_agent.configuration.INSTALLED", file := tmp_path / "agent.toml")
    with pytest.raises(SettingsError, match=r"EDGE_AGENT_URL is not set") as before:
        load()
    file.touch()
    with pytest.raises(SettingsError, match=rf"add --config {file}, as its user"):
        load()
    assert "--config" not in str(before.value)


def test_little_is_needed_and_the_rest_has_sensible_defaults(setting):
    settings = setting()
    assert settings.queues == ("q",)
    assert settings.execution_api == "https://airflow.example.com/execution/"
    assert (settings.slots, settings.kinds, settings.capabilities) == (8, "auto", {})
    assert settings.task_logs == "push"
    assert settings.name


def test_lists_are_separated_by_commas_and_capabilities_are_typed(setting):
    settings = setting(
        QUEUES="a, b,", KINDS="task,command", CAPABILITIES="gpu=a100,rack=7,licensed=true,tool=3.10,off=False"
    )
    assert settings.queues == ("a", "b")
    assert settings.kinds == (JobKind.TASK, JobKind.COMMAND)
    assert settings.capabilities == {"gpu": "a100", "rack": 7, "licensed": True, "tool": "3.10", "off": False}


def test_a_toml_file_is_read_and_the_environment_wins(setting, tmp_path):
    (file := tmp_path / "agent.toml").write_text(
        'slots = 2\nname = "from-file"\nqueues = ["x", "y"]\n[capabilities]\ngpu = true\nversion = "1.10"\n'
    )
    settings = setting(config=file, SLOTS="5", QUEUES=None)
    assert (settings.slots, settings.name, settings.queues) == (5, "from-file", ("x", "y"))
    assert settings.capabilities == {"gpu": True, "version": "1.10"}


def test_the_toml_file_may_be_named_by_the_environment(setting, tmp_path):
    (file := tmp_path / "agent.toml").write_text('name = "from-file"\n')
    assert setting(CONFIG=file).name == "from-file"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"URL": None}, "EDGE_AGENT_URL is not set: Address of Airflow's API server"),
        ({"QUEUES": None}, "EDGE_AGENT_QUEUES is not set"),
        ({"QUEUES": ","}, "EDGE_AGENT_QUEUES:"),
        ({"QUEUES": "a b"}, "EDGE_AGENT_QUEUES:"),
        ({"SLOTS": "0"}, "EDGE_AGENT_SLOTS:"),
        ({"SLOTS": "many"}, "EDGE_AGENT_SLOTS:"),
        ({"NAME": "a/b"}, "EDGE_AGENT_NAME: 'a/b' must be 1 to 64 letters"),
        ({"NAME": "a\n"}, "EDGE_AGENT_NAME:"),
        ({"URL": "airflow.example.com"}, "EDGE_AGENT_URL: must look like https://"),
        ({"URL": "ftp://airflow"}, "EDGE_AGENT_URL: must look like https://"),
        ({"URL": "https://user:pass@airflow"}, "EDGE_AGENT_URL: must hold no user"),
        ({"URL": "http://airflow"}, "EDGE_AGENT_URL: http:// would send tokens in the clear"),
        ({"EXECUTION_API_URL": "http://airflow"}, "EDGE_AGENT_EXECUTION_API_URL: http:// would send tokens"),
        ({"TOKEN": None}, "set one of EDGE_AGENT_TOKEN_FILE and EDGE_AGENT_TOKEN"),
        ({"TOKEN_FILE": "/x"}, "set one of EDGE_AGENT_TOKEN_FILE and EDGE_AGENT_TOKEN"),
        ({"KINDS": "everything"}, "EDGE_AGENT_KINDS:"),
        ({"CAPABILITIES": "a b=1"}, "EDGE_AGENT_CAPABILITIES: 'a b' must be"),
        ({"DRAIN_TIMEOUT_SECONDS": "-1"}, "EDGE_AGENT_DRAIN_TIMEOUT_SECONDS:"),
        ({"CLIENT_KEY_FILE": "/x"}, "EDGE_AGENT_CLIENT_KEY_FILE without EDGE_AGENT_CLIENT_CERT_FILE"),
        ({"PROXY": "proxy:3128"}, "EDGE_AGENT_PROXY: must look like http://proxy:3128"),
        ({"PROXY": "socks5://proxy"}, "EDGE_AGENT_PROXY: must look like"),
        ({"PROXY": "http://me:planted-token@proxy/path"}, "EDGE_AGENT_PROXY: must look like"),
        ({"URL": "http://127.0.0.1", "PROXY": "http://proxy"}, "EDGE_AGENT_URL: http:// would send tokens"),
        *(
            ({"HEALTH_ADDRESS": wrong}, "EDGE_AGENT_HEALTH_ADDRESS: must be host:port, such as 127.0.0.1:8099")
            for wrong in ("8099", ":8099", "here", "here:", "1.2.3:80", "a b:80", "::1:80", "[1.2.3.4]:80", "[]:80")
        ),
        *(
            ({"HEALTH_ADDRESS": f"127.0.0.1:{port}"}, "EDGE_AGENT_HEALTH_ADDRESS: must be host:port")
            for port in ("0", "65536", "-1", "80x", "123456", "\u0661")
        ),
        ({"METRICS": "true"}, "EDGE_AGENT_METRICS without EDGE_AGENT_HEALTH_ADDRESS: set that"),
        ({"LOG_LEVEL": "loud"}, "EDGE_AGENT_LOG_LEVEL:"),
        ({"RUNNER": "default"}, "EDGE_AGENT_RUNNER:"),
        ({"TASK_LOGS": "s3"}, "EDGE_AGENT_TASK_LOGS: Input should be 'push', 'store' or 'off'"),
        ({"TASK_LOG_DAYS": "0"}, "EDGE_AGENT_TASK_LOG_DAYS:"),
        ({"TASK_LOG_MEGABYTES": "0"}, "EDGE_AGENT_TASK_LOG_MEGABYTES:"),
        ({"SERVER_KEY": "abc"}, "EDGE_AGENT_SERVER_KEY: must be a key as `airflow edge-agent server-key` prints it"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_said_with_the_name_of_the_variable(setting, variables, said):
    with pytest.raises(SettingsError) as refused:
        setting(**variables)
    assert said in str(refused.value)
    assert "planted-token" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1:8099", ("127.0.0.1", 8099)),
        ("[::1]:1", ("::1", 1)),
        ("[::]:65535", ("::", 65_535)),
        ("localhost:8099", ("localhost", 8099)),
        ("health-1.example.com:8099", ("health-1.example.com", 8099)),
    ],
)
def test_probes_are_answered_where_the_host_says(setting, address, place):
    assert listening_at(setting(HEALTH_ADDRESS=address).health_address or "") == place


def test_nothing_listens_unless_it_is_asked_for(setting):
    assert (setting().health_address, setting().metrics) == (None, False)


def test_metrics_need_their_extra(setting, monkeypatch):
    assert setting(HEALTH_ADDRESS="127.0.0.1:8099", METRICS="true").metrics
    monkeypatch.setattr("edge_agent.settings.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"EDGE_AGENT_METRICS: .*pip install 'airflow-edge-agent\[metrics\]'"):
        setting()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:8080/base", "http://[::1]"])
def test_http_to_this_host_is_no_risk(setting, url):
    assert setting(URL=url).url == url


def test_http_elsewhere_must_be_allowed(setting):
    assert setting(URL="http://airflow", ALLOW_INSECURE_HTTP="true").url == "http://airflow"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("slots = ", "is not TOML"),
        ("slotz = 3\n", "slotz: there is no such setting"),
        ("slots = 0\n", "EDGE_AGENT_SLOTS:"),
    ],
)
def test_a_wrong_file_is_refused(setting, tmp_path, content, said):
    (file := tmp_path / "agent.toml").write_text(content)
    with pytest.raises(SettingsError, match=said):
        setting(config=file)


def test_a_missing_file_is_refused(setting, tmp_path):
    with pytest.raises(SettingsError, match=r"EDGE_AGENT_CONFIG: cannot read .*nowhere"):
        setting(config=tmp_path / "nowhere")


def test_several_faults_are_told_at_once(setting):
    with pytest.raises(SettingsError) as refused:
        setting(SLOTS="0", NAME="a/b")
    assert len(str(refused.value).splitlines()) == 2


@pytest.fixture
def token_file(tmp_path):
    def write(content, mode=0o600):
        (file := tmp_path / "token").write_text(content)
        file.chmod(mode)
        return file

    return write


def test_the_token_is_read_from_its_file_each_time(setting, token_file):
    settings = setting(TOKEN=None, TOKEN_FILE=token_file("one\n"))
    assert settings.read_token().get_secret_value() == "one"
    token_file("two")
    assert settings.read_token().get_secret_value() == "two"


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("one", 0o640, "chmod 600"),
        ("one", 0o604, "chmod 600"),
        ("", 0o600, "must hold one token"),
        ("a b", 0o600, "must hold one token"),
        ("é", 0o600, "cannot read"),
    ],
)
def test_a_token_file_that_is_open_or_wrong_is_refused(setting, token_file, content, mode, said):
    settings = setting(TOKEN=None, TOKEN_FILE=token_file(content, mode))
    with pytest.raises(SettingsError, match=f"EDGE_AGENT_TOKEN_FILE: .*{said}"):
        settings.read_token()


def test_a_token_file_that_is_not_there_is_refused(setting, tmp_path):
    with pytest.raises(SettingsError, match=r"cannot read .*nowhere"):
        setting(TOKEN=None, TOKEN_FILE=tmp_path / "nowhere").read_token()


def test_the_token_is_in_no_text_of_the_settings(setting):
    settings = setting()
    assert settings.read_token().get_secret_value() == "planted-token"
    assert "planted-token" not in f"{settings!r}{settings}{settings.model_dump()}"


def test_a_misspelt_variable_is_told_and_a_platforms_own_are_not(setting, monkeypatch):
    setting()
    monkeypatch.setenv("EDGE_AGENT_SLOT", "3")
    monkeypatch.setenv("EDGE_AGENT_SERVICE_HOST", "10.0.0.1")
    assert misspelt() == ["EDGE_AGENT_SLOT is no setting; did you mean EDGE_AGENT_SLOTS?"]


def test_every_setting_says_what_it_is_for():
    assert [name for name, field in AgentSettings.model_fields.items() if not field.description] == []


def test_the_state_directory_alone_needs_neither_url_nor_token(monkeypatch, tmp_path):
    (file := tmp_path / "agent.toml").write_text('state_dir = "/from/file"\n')
    assert load_state_dir() == default_state_dir()
    assert str(load_state_dir(file)) == "/from/file"
    monkeypatch.setenv("EDGE_AGENT_CONFIG", str(file))
    assert str(load_state_dir()) == "/from/file"
    monkeypatch.setenv("EDGE_AGENT_STATE_DIR", "/from/environment")
    assert str(load_state_dir(file)) == "/from/environment"


def test_the_default_state_directory_is_the_users_own(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/home/me/state")
    assert str(default_state_dir()) == "/home/me/state/edge-agent"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert str(default_state_dir()) == "/home/me/.local/state/edge-agent"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert str(default_state_dir()) == "/var/lib/edge-agent"

"""Private names of libraries, each with the reason, and the version that it was checked with.

They are imported inside the functions that use them. ``tests/test_compat*.py`` fails when one goes.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests
    from hydra.plugins.config_source import ConfigSource


def request_mlflow_server(uri: str, path: str, timeout: float) -> "requests.Response":
    """Send one GET request to an MLflow server, as MLflow's client sends its own.

    MLflow's client has the credentials, tokens, headers, certificates and request plugins of a person's
    environment, but offers no call for ``/health``. ``mlflow.utils`` is checked with MLflow 3.17.

    Args:
        uri: the server's address.
        path: of the request, as ``/health``.
        timeout: seconds from one byte of the answer to the next.

    Raises:
        requests.RequestException, MlflowException: it does not answer.
    """
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    credentials = get_default_host_creds(uri.rstrip("/"))
    return http_request(credentials, path, "GET", timeout=timeout, max_retries=0, raise_on_status=False)


def disable_op_determinism() -> None:
    """Let TensorFlow take kernels that are not deterministic, after ``enable_op_determinism``.

    TensorFlow 2.21 has a public function to switch determinism on, and none to switch it off, which a process
    needs that trains several runs.
    """
    from tensorflow.python.framework import config

    config.disable_op_determinism()


def uses_onednn() -> bool:
    """Whether TensorFlow, which is imported, computes with oneDNN's kernels.

    TensorFlow 2.21 says so in no public name, and the environment may have changed since its import.
    """
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())


def parse_profile(content: bytes) -> Any:
    """The message ``XSpace`` of a profile that ``tf.profiler.experimental`` wrote, an ``.xplane.pb`` file.

    TensorFlow 2.21 carries the message's class, and no public reader; TensorBoard's plugin would be another
    package.
    """
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    return xplane_pb2.XSpace.FromString(content)


def hydra_file_source() -> "type[ConfigSource]":
    """The class by which Hydra 1.3.8 reads config files.

    ``hydra.plugins.config_source`` is public, but the class that reads files has no public name.
    """
    from hydra._internal.core_plugins.file_config_source import FileConfigSource

    return FileConfigSource


def replace_hydra_file_source(source: "type[ConfigSource]") -> None:
    """Have Hydra 1.3.8 read config files by ``source``; harmless when done twice.

    ``Plugins.register`` adds sources of new schemes, but keeps Hydra's own for ``file``.
    """
    from hydra._internal.sources_registry import SourcesRegistry

    SourcesRegistry.instance().types["file"] = source

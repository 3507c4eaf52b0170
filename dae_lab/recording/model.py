"""The trained model as MLflow keeps it, with a README that says how it is loaded.

Apart from ``dae_lab.tracking.gateway`` this is the only module that imports MLflow, in its functions: the
flavour ``mlflow.keras`` imports TensorFlow, and writes files that are then recorded like any others.
"""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from dae_lab.model.autoencoder import Autoencoder, has_own_layers
from dae_lab.model.fast_layers import copy_with_keras_layers
from dae_lab.provenance import packages
from dae_lab.tracking.writer import RunWriter

README = "README.md"

KERAS_KEYS = {"model_type": "keras", "keras_module": "keras", "save_format": "keras"}
GRAPH_KEYS = {"model_type": "tf2-module", "saved_model_dir": "data/model"}


def record_model(record: RunWriter, model: Autoencoder, example: np.ndarray) -> None:
    """Record the denoiser of ``model`` as ``runs:/<run id>/model``.

    Args:
        record: the run's.
        model: trained.
        example: one noisy image, float32 (1, h, w, c); only its shape and type are kept.
    """
    with TemporaryDirectory() as folder:
        portable = not has_own_layers(model)
        save_model(model.denoiser, example, Path(folder, "model"), portable, record.run_id)
        record.log_model(Path(folder, "model"))


def save_model(denoiser: keras.Model, example: np.ndarray, folder: Path, portable: bool, run_id: str) -> None:
    """Write an MLflow model that mlflow.pyfunc, mlflow.keras and mlflow.tensorflow load.

    Args:
        denoiser: noisy image → image, float32 (n, h, w, c).
        example: noisy images, float32 (n, h, w, c).
        folder: is made.
        portable: the model needs layers of Keras alone and is kept as a ``.keras`` file; otherwise as a
            TensorFlow graph, which needs no code of this project either.
        run_id: of the run, for the README.
    """
    import mlflow.keras
    from mlflow.models import infer_signature

    output = np.asarray(denoiser(example[:1], training=False))
    requirements = [f"{name}=={packages()[name]}" for name in ("mlflow", "keras", "tensorflow")]
    with redirect_stdout(StringIO()):  # Keras prints what it exports
        mlflow.keras.save_model(
            copy_with_keras_layers(denoiser) if portable else denoiser,
            str(folder),
            signature=infer_signature(example[:1], output),
            pip_requirements=requirements,
            save_exported_model=not portable,
        )
    _add_tensorflow_keys(folder, portable)
    shape = ", ".join(str(size) for size in example.shape[1:])
    (folder / README).write_text(model_readme(run_id, shape, portable), encoding="utf-8")


def _add_tensorflow_keys(folder: Path, portable: bool) -> None:
    """Add to the file ``MLmodel`` the keys that ``mlflow.tensorflow.load_model`` reads.

    It reads the flavour ``keras`` if there is one, but ``mlflow.keras.save_model`` (MLflow 3.17) does not
    write these keys, so that the model is taken for an HDF5 file. ``mlflow.keras`` and ``mlflow.pyfunc`` do
    not read them.
    """
    from mlflow.models import Model

    card = Model.load(str(folder))
    card.flavors["keras"] |= KERAS_KEYS if portable else GRAPH_KEYS
    card.save(str(folder / "MLmodel"))


def model_readme(run_id: str, shape: str, portable: bool) -> str:
    """Return how the model is used, as Markdown whose blocks of code run as they stand.

    Args:
        shape: of an image, as ``28, 28, 1``.
        portable: as for ``save_model``.
    """
    if portable:
        kind = "a Keras model, the file `data/model.keras`; it needs no code of dae_lab"
        call, alone = "model(noisy)", 'model = keras.saving.load_model("data/model.keras")'
        package, loaded = "keras", "the Keras model"
    else:
        kind = (
            "a TensorFlow graph, the folder `data/model`, since some of its layers are dae_lab's: it needs "
            "no code of\ndae_lab, but cannot be trained further"
        )
        call, alone = "model.serve(noisy)", 'model = tf.saved_model.load("data/model")'
        package, loaded = "tensorflow as tf", "the graph"
    return f"""# The denoiser of run {run_id}

It is {kind}.
It takes noisy images, float32 (n, {shape}), and gives images of the same shape, within [0, 1] where its
output is a sigmoid. `requirements.txt` has the versions it was trained with.

For what asks MLflow, the environment says where the run is recorded:

```sh
export MLFLOW_TRACKING_URI=sqlite:///mlruns/mlflow.db
```

NumPy in, NumPy out:

```python
import mlflow

model = mlflow.pyfunc.load_model("runs:/{run_id}/model")
images = model.predict(noisy)
```

As {loaded}, by MLflow's Keras flavour:

```python
import mlflow

model = mlflow.keras.load_model("runs:/{run_id}/model")
images = {call}
```

or by its TensorFlow flavour, to the same effect:

```python
import mlflow

model = mlflow.tensorflow.load_model("runs:/{run_id}/model")
images = {call}
```

Without MLflow, in the folder of this file:

```python
import {package}

{alone}
images = {call}
```

As a server:

```sh
mlflow models serve -m runs:/{run_id}/model --env-manager local --port 5001
```

```python
import json
from urllib.request import Request, urlopen

body = json.dumps({{"inputs": noisy.tolist()}}).encode()
request = Request("http://127.0.0.1:5001/invocations", body, {{"Content-Type": "application/json"}})
images = json.load(urlopen(request))["predictions"]
```
"""

"""The articles' way: arrays, ``compile``, ``fit``; float32, noise drawn once by NumPy. Knows no dae_lab.

    python keras_script.py SYSTEM MNIST.npz IMAGES EPOCHS [POLICY]

Networks, losses, learning rates and batches as in A: "[DL] AutoEncoder_2 — denoising", sirzzang, 2020-07, and
B: "AE3. Denoising AE", Chanjun Kim, 2021-07, in today's spelling. Only the progress bar is left out, which
would cost the articles a little more. POLICY is Keras's name of a precision, as ``mixed_bfloat16``: the one
line that its guide adds.
"""

import sys

import numpy as np
from clock import Clock
from keras import callbacks, config, layers, models, optimizers

BATCH = {"spatial_latent": 128, "dense_latent": 32, "shallow_pool": 300}


def shallow_pool() -> models.Model:
    image = layers.Input((28, 28, 1))
    x = layers.Conv2D(10, (3, 3), strides=1, padding="same", activation="relu")(image)
    x = layers.MaxPooling2D((2, 2), strides=1, padding="same")(x)
    x = layers.Conv2DTranspose(10, (3, 3), strides=1, padding="same", activation="relu")(x)
    x = layers.Conv2D(1, (3, 3), strides=1, padding="same", activation="sigmoid")(x)
    model = models.Model(image, x)
    model.compile(loss="binary_crossentropy", optimizer=optimizers.Adam(0.005))
    return model


def encoder(filters, strides):
    image = x = layers.Input((28, 28, 1))
    for count, stride in zip(filters, strides, strict=True):
        x = layers.Conv2D(count, 3, strides=stride, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=0.3)(x)
    return image, x


def decoder(x, filters, strides):
    for count, stride in zip(filters, strides, strict=True):
        x = layers.Conv2DTranspose(count, 3, strides=stride, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=0.3)(x)
    x = layers.Conv2DTranspose(1, 3, strides=1, padding="same")(x)
    return layers.Activation("sigmoid")(x)


def dense_latent() -> models.Model:
    image, x = encoder([32, 64, 64, 64], [1, 2, 2, 1])
    shape = x.shape[1:]
    code = layers.Dense(2)(layers.Flatten()(x))
    x = layers.Reshape(shape)(layers.Dense(int(np.prod(shape)))(code))
    model = models.Model(image, decoder(x, [64, 64, 32], [1, 2, 2]))
    model.compile(loss="mean_squared_error", optimizer=optimizers.Adam(5e-5))
    return model


def spatial_latent() -> models.Model:
    image, x = encoder([32, 64, 128], [1, 2, 2])
    model = models.Model(image, decoder(x, [64, 32], [2, 2]))
    model.compile(loss="binary_crossentropy", optimizer=optimizers.Adam(5e-4))
    return model


def data(system: str, file: str, count: int):
    """(noisy, clean), as the articles make them: A in float64, B with float64 noise on float32 images."""
    images = np.load(file)["train"][:count]
    if system == "shallow_pool":
        clean = (images / 255.0)[..., np.newaxis]
        noisy = clean + 0.3 * np.random.normal(size=clean.shape)
        np.clip(noisy, 0.0, 1.0)  # the article keeps a clipped copy, and does not use it
        return noisy, clean
    clean = images.astype("float32") / 255.0
    clean = np.reshape(clean, (len(clean), 28, 28, 1))
    noisy = clean + 0.5 * np.random.normal(loc=0.0, scale=1.0, size=clean.shape)
    return np.clip(noisy, 0.0, 1.0), clean


class Timed(callbacks.Callback):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_epoch_begin(self, epoch, logs=None):
        self.clock.start()

    def on_epoch_end(self, epoch, logs=None):
        self.clock.stop()


if __name__ == "__main__":
    system, file, images, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    config.set_dtype_policy(sys.argv[5] if len(sys.argv) > 5 else "float32")
    noisy, clean = data(system, file, images)
    model = globals()[system]()
    clock = Clock(-(-images // BATCH[system]))
    size, timed = BATCH[system], [Timed(clock)]
    history = model.fit(noisy, clean, size, epochs, shuffle=True, verbose=0, callbacks=timed)
    clock.tell(history.history["loss"][-1])

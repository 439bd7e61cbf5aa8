"""Write ``digits.npz``: 1797 images of handwritten digits, 8x8, from the package scikit-learn.

    pip install scikit-learn
    python make_digits.py

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, CC BY 4.0:
the test set of it, as ``sklearn.datasets.load_digits`` has it. A fifth of the images, drawn once, is for testing.
"""

import numpy as np
from sklearn.datasets import load_digits

digits = load_digits()
x = digits.images.astype(np.uint8)[:, None]  # (1797, 1, 8, 8), values 0 to 16
y = digits.target.astype(np.uint8)
order = np.random.Generator(np.random.PCG64(0)).permutation(len(y))
train, test = order[: 4 * len(y) // 5], order[4 * len(y) // 5 :]
np.savez_compressed("digits.npz", x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test])

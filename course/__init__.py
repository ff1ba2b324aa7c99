"""Think Step by Step: build a reasoning model from nothing, on a laptop.

Its packages, each of which imports only from those before it: `world` (the questions), `model` (the network), `think`
(using a model), `learn` (changing a model), `experiments` (the laboratory), `teach` (the classroom), `chapters` (what
belongs to one chapter). Importing `course` loads none of them. It sets how PyTorch's threads wait, so import it before
`torch`.
"""

from course._threads import wait_passively
from course._version import expects as expects

wait_passively()

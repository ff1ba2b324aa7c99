"""Think Step by Step: build a reasoning model from nothing, on a laptop.

Rooms, each standing on those before it: `world` (the questions), `model` (the network), `think` (using a model),
`learn` (changing a model), `experiments` (the laboratory), `teach` (the classroom), `chapters`. Importing this loads
none of them; it decides how PyTorch's threads wait, and therefore comes before `import torch`.
"""

from course._threads import wait_passively

wait_passively()

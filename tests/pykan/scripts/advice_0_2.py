# ruff: noqa
# fmt: off
# The calls that pykan's README advises, on a function of five variables.
from kan import *
f = lambda x: torch.sin(x[:,[0]]) + x[:,[1]]**2
dataset = create_dataset(f, n_var=5, train_num=200, test_num=100)

model = KAN(width=[5,1,1], grid=3, k=3)
model.train(dataset, lamb=0.01, steps=10)
model.plot()
pruned_model = model.prune()
pruned_model.train(dataset, steps=10)
pruned_model.plot()

torch.set_default_dtype(torch.float64)
results = KAN(width=[5,1,1], grid=3, k=3).fit(dataset, steps=5)

"""Optimizers from scratch, with the names, arguments and defaults of `torch.optim`."""

from course_utils.optim.adadelta import Adadelta
from course_utils.optim.adagrad import Adagrad
from course_utils.optim.adam import Adam
from course_utils.optim.adamw import AdamW
from course_utils.optim.nadam import NAdam
from course_utils.optim.param_groups import param_groups
from course_utils.optim.radam import RAdam
from course_utils.optim.rmsprop import RMSprop
from course_utils.optim.sgd import SGD
from course_utils.optim.sgdw import SGDW

__all__ = [
    "SGD",
    "SGDW",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "NAdam",
    "RAdam",
    "RMSprop",
    "param_groups",
]

"""What buyers choose among alternatives: multinomial and nested logit, willingness to pay, elasticities."""

from forecasting.choice.demand import choice_demand
from forecasting.choice.fit import Fit, Model, fit
from forecasting.choice.layout import Layout
from forecasting.choice.reading import read_choices
from forecasting.choice.table import Answer, choice_tables

__all__ = ["Answer", "Fit", "Layout", "Model", "choice_demand", "choice_tables", "fit", "read_choices"]

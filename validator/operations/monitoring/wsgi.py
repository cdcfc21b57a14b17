"""The application that gunicorn loads for the metrics, with settings from the environment."""

from validator.operations.monitoring.exposition import application
from validator.services import open_services
from validator.settings.loading import load

app = application(open_services(load()))

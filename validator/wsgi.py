"""The application that gunicorn loads: settings from the environment, every part opened, one app."""

from validator.app import create_app
from validator.services import open_services
from validator.settings.loading import load

services = open_services(load())
app = create_app(services)

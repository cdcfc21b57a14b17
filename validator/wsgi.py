"""The application that gunicorn loads: the settings of the master, every part opened, one app."""

from validator.app import create_app
from validator.services import open_services
from validator.settings.loading import of_worker

services = open_services(of_worker())
app = create_app(services)

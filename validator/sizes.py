"""How long the cloud's names may be, in characters; every room that takes, stores or sends one agrees."""

MAX_TENANT = 64  # tenantSpaceId
MAX_USER_ACCOUNT = 100  # userAccount, which the cloud's list of agents calls accountCode
MAX_USER_ID = 128
MAX_USER_NAME = 128
MAX_LOGIN = 128  # here, not at the cloud

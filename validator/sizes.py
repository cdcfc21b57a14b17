"""How long the cloud's names may be, in characters; every room that takes, stores or sends one agrees."""

LONGEST_TENANT = 64  # tenantSpaceId
LONGEST_USER_ACCOUNT = 100  # userAccount, which the cloud's list of agents calls accountCode
LONGEST_USER_ID = 128
LONGEST_USER_NAME = 128
LONGEST_LOGIN = 128  # here, not at the cloud

"""How long what the cloud sends may be, in characters; schemas, tables and commands take it from here."""

MAX_TENANT = 64  # tenantSpaceId
MAX_CHANNEL = 64  # channelConfigId
MAX_USER_ACCOUNT = 100  # userAccount, which the cloud's list of agents calls accountCode
MAX_USER_ID = 128  # userId, of guests thirdUserId
MAX_USER_NAME = 128  # userName, of guests thirdUserName
MAX_TOKEN = 4096  # an enterprise token
MAX_WORK_NO = 32
MAX_SIP_ACCOUNT = 64
MAX_SIP_SERVICE = 263  # sipServiceIp and sipServicePort, with brackets around an IPv6 address
MAX_LOGIN = 128  # here, not at the cloud

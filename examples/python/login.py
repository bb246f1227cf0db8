"""Signs in with gql: code, login, me, refresh, logout.

pip install -r requirements.txt && python3 login.py 13711112222
"""

import os
import sys

from gql import Client, gql
from gql.transport.httpx import HTTPXTransport

URL = os.environ.get("SMS_LOGIN_URL", "http://127.0.0.1:8000/graphql")


def client(token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Client(transport=HTTPXTransport(url=URL, headers=headers))


def run(document, token=None, **values):
    request = gql(document)
    if values:
        request.variable_values = {"input": values}
    return client(token).execute(request)


phone = sys.argv[1] if len(sys.argv) > 1 else "13711112222"

sent = run("mutation($input: RequestCodeInput!) { requestCode(input: $input) { sessionId } }", phone=phone)
code = input("Code: ")

# If this fails, gql raises a TransportQueryError with the error's code in errors[0]["extensions"]["code"].
login = run(
    "mutation($input: LoginInput!) { login(input: $input) { accessToken refreshToken isNewUser } }",
    phone=phone,
    code=code,
    sessionId=sent["requestCode"]["sessionId"],
    deviceName="Python example",
)["login"]
print("Signed up." if login["isNewUser"] else "Signed in.")

me = run("{ me { phone } }", token=login["accessToken"])["me"]
print(f"You are {me['phone']}.")

# An app does this before accessTokenExpiresAt. A refresh token is valid once, so store the new one.
tokens = run(
    "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { accessToken refreshToken } }",
    refreshToken=login["refreshToken"],
)["refreshSession"]
print("Refreshed.")

run("mutation { logout { endedSessions } }", token=tokens["accessToken"])
print("Signed out.")

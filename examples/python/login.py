"""Signs in with gql: code, login, me, refresh, logout. After a wrong code, it asks again.

pip install -r requirements.txt && python3 login.py 13711112222
"""

import os
import sys

from gql import Client, gql
from gql.transport.httpx import HTTPXTransport

URL = os.environ.get("SMS_LOGIN_URL", "http://127.0.0.1:8000/graphql")
PROBLEM = "fragment Problem on Problem { __typename code message attemptsRemaining }"


class Problem(Exception):
    """A failure that the client can expect, such as a wrong code or a rate limit."""

    def __init__(self, fields):
        super().__init__(f"{fields['code']}: {fields['message']}")
        self.attempts_remaining = fields["attemptsRemaining"] or 0


def run(document, token=None, **values):
    """Runs an operation. gql raises a TransportQueryError for a GraphQL error, such as an expired access token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = gql(document)
    if values:
        request.variable_values = {"input": values}
    return Client(transport=HTTPXTransport(url=URL, headers=headers)).execute(request)


def mutate(mutation, token=None, **values):
    """Runs one mutation and returns its payload. Raises its problem."""
    [result] = run(f"{mutation} {PROBLEM}", token, **values).values()
    if result.get("__typename") == "Problem":
        raise Problem(result)
    return result


def sign_in(phone, challenge_id):
    """Asks for the code until it is right, or until it has no attempts left."""
    while True:
        try:
            return mutate(
                """mutation($input: LoginInput!) {
                  login(input: $input) { ... on LoginPayload { accessToken refreshToken isNewUser } ...Problem }
                }""",
                phone=phone,
                code=input("Code: "),
                challengeId=challenge_id,
                deviceName="Python example",
            )
        except Problem as problem:
            if not problem.attempts_remaining:
                raise
            print(f"Wrong code. Attempts left: {problem.attempts_remaining}.")


phone = sys.argv[1] if len(sys.argv) > 1 else "13711112222"

sent = mutate(
    """mutation($input: RequestCodeInput!) {
      requestCode(input: $input) { ... on RequestCodePayload { challengeId } ...Problem }
    }""",
    phone=phone,
)
login = sign_in(phone, sent["challengeId"])
print("Signed up." if login["isNewUser"] else "Signed in.")

me = run("{ me { phone } }", token=login["accessToken"])["me"]
print(f"You are {me['phone']}.")

# An app does this before accessTokenExpiresAt. A refresh token is valid once, so store the new one.
tokens = mutate(
    """mutation($input: RefreshSessionInput!) {
      refreshSession(input: $input) { ... on RefreshSessionPayload { accessToken refreshToken } ...Problem }
    }""",
    refreshToken=login["refreshToken"],
)
print("Refreshed.")

mutate("mutation { logout { ... on LogoutPayload { endedSessions } ...Problem } }", token=tokens["accessToken"])
print("Signed out.")

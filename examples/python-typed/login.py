"""Signs in with a client that ariadne-codegen generates from the schema: code, login, me, refresh, logout.

pip install -r requirements.txt && ariadne-codegen && python3 login.py 13711112222
"""

import os
import sys

from sms_login import Client, ErrorCode, LoginInput, RefreshSessionInput, RequestCodeInput
from sms_login.login import LoginLoginLoginPayload, LoginLoginProblem
from sms_login.logout import LogoutLogoutProblem
from sms_login.refresh_session import RefreshSessionRefreshSessionProblem
from sms_login.request_code import RequestCodeRequestCodeProblem

URL = os.environ.get("SMS_LOGIN_URL", "http://127.0.0.1:8000/graphql")


def client(token: str | None = None) -> Client:
    """Returns a client that sends the access token. Its methods raise for GraphQL errors, such as an expired token."""
    return Client(url=URL, headers={"Authorization": f"Bearer {token}"} if token else {})


def sign_in(phone: str, challenge_id: str) -> LoginLoginLoginPayload:
    """Asks for the code until it is right, or until it has no attempts left."""
    while True:
        code = input("Code: ")
        values = LoginInput(phone=phone, code=code, challengeId=challenge_id, deviceName="Python example")
        result = client().login(values).login
        if not isinstance(result, LoginLoginProblem):
            return result
        if result.code is not ErrorCode.CODE_INCORRECT or not result.attemptsRemaining:
            sys.exit(f"{result.code.value}: {result.message}")
        print(f"Wrong code. Attempts left: {result.attemptsRemaining}.")


def main(phone: str) -> None:
    sent = client().request_code(RequestCodeInput(phone=phone)).requestCode
    if isinstance(sent, RequestCodeRequestCodeProblem):
        sys.exit(f"{sent.code.value}: {sent.message}")

    session = sign_in(phone, sent.challengeId)
    print("Signed up." if session.isNewUser else "Signed in.")

    me = client(session.accessToken).me().me
    assert me is not None, "there is an access token, so there is a user"
    print(f"You are {me.phone}.")

    # An app does this before accessTokenExpiresAt. A refresh token is valid once, so store the new one.
    tokens = client().refresh_session(RefreshSessionInput(refreshToken=session.refreshToken)).refreshSession
    if isinstance(tokens, RefreshSessionRefreshSessionProblem):
        sys.exit(f"{tokens.code.value}: {tokens.message}")
    print("Refreshed.")

    ended = client(tokens.accessToken).logout().logout
    if isinstance(ended, LogoutLogoutProblem):
        sys.exit(f"{ended.code.value}: {ended.message}")
    print("Signed out.")


main(sys.argv[1] if len(sys.argv) > 1 else "13711112222")

import 'package:json_annotation/json_annotation.dart';
import 'dart:convert';

part 'models.g.dart';

@JsonSerializable()
class Operations {
    @JsonKey(name: "LoginInput")
    final LoginInput? loginInput;
    @JsonKey(name: "LoginResponse")
    final LoginResponse? loginResponse;
    @JsonKey(name: "LogoutInput")
    final LogoutInput? logoutInput;
    @JsonKey(name: "LogoutResponse")
    final LogoutResponse? logoutResponse;
    @JsonKey(name: "MeResponse")
    final MeResponse? meResponse;
    @JsonKey(name: "RefreshSessionInput")
    final RefreshSessionInput? refreshSessionInput;
    @JsonKey(name: "RefreshSessionResponse")
    final RefreshSessionResponse? refreshSessionResponse;
    @JsonKey(name: "RequestCodeInput")
    final RequestCodeInput? requestCodeInput;
    @JsonKey(name: "RequestCodeResponse")
    final RequestCodeResponse? requestCodeResponse;
    @JsonKey(name: "UpdateProfileInput")
    final UpdateProfileInput? updateProfileInput;
    @JsonKey(name: "UpdateProfileResponse")
    final UpdateProfileResponse? updateProfileResponse;

    Operations({
        this.loginInput,
        this.loginResponse,
        this.logoutInput,
        this.logoutResponse,
        this.meResponse,
        this.refreshSessionInput,
        this.refreshSessionResponse,
        this.requestCodeInput,
        this.requestCodeResponse,
        this.updateProfileInput,
        this.updateProfileResponse,
    });

    factory Operations.fromJson(Map<String, dynamic> json) => _$OperationsFromJson(json);

    Map<String, dynamic> toJson() => _$OperationsToJson(this);
}


///The phone, the code from its SMS and the `challengeId` from `requestCode`.
@JsonSerializable()
class LoginInput {
    
    ///The `challengeId` that `requestCode` returned for this code. Every other one fails with
    ///`CHALLENGE_MISMATCH`.
    @JsonKey(name: "challengeId")
    final String challengeId;
    
    ///The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt.
    @JsonKey(name: "code")
    final String code;
    
    ///A name for the device in the user's list of sessions, such as `Anna's phone`; 1 to 64
    ///characters.
    @JsonKey(name: "deviceName")
    final String? deviceName;
    
    ///The `deviceToken` of an earlier `login` on this device for this phone. Such a device has
    ///its own rate limits, and the
    ///new token is for the same device. Every other text has no effect.
    @JsonKey(name: "deviceToken")
    final String? deviceToken;
    
    ///A random string of 16 to 128 characters. For two minutes, and until the session is
    ///refreshed or ends, repeating the
    ///request with the same key returns the same session.
    @JsonKey(name: "idempotencyKey")
    final String? idempotencyKey;
    
    ///The phone that received the code.
    @JsonKey(name: "phone")
    final String phone;

    LoginInput({
        required this.challengeId,
        required this.code,
        this.deviceName,
        this.deviceToken,
        this.idempotencyKey,
        required this.phone,
    });

    factory LoginInput.fromJson(Map<String, dynamic> json) => _$LoginInputFromJson(json);

    Map<String, dynamic> toJson() => _$LoginInputToJson(this);
}

@JsonSerializable()
class LoginResponse {
    @JsonKey(name: "data")
    final LoginData? data;
    @JsonKey(name: "errors")
    final List<GraphQlError>? errors;

    LoginResponse({
        this.data,
        this.errors,
    });

    factory LoginResponse.fromJson(Map<String, dynamic> json) => _$LoginResponseFromJson(json);

    Map<String, dynamic> toJson() => _$LoginResponseToJson(this);
}

@JsonSerializable()
class LoginData {
    
    ///Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this
    ///creates one.
    @JsonKey(name: "login")
    final LoginResult? login;

    LoginData({
        this.login,
    });

    factory LoginData.fromJson(Map<String, dynamic> json) => _$LoginDataFromJson(json);

    Map<String, dynamic> toJson() => _$LoginDataToJson(this);
}


///Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this
///creates one.
///
///The result of `login`.
@JsonSerializable()
class LoginResult {
    
    ///A JWT for the header `Authorization: Bearer <token>`.
    @JsonKey(name: "accessToken")
    final String? accessToken;
    
    ///When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
    @JsonKey(name: "accessTokenExpiresAt")
    final String? accessTokenExpiresAt;
    
    ///How many attempts this code has left, with `CODE_INCORRECT`.
    @JsonKey(name: "attemptsRemaining")
    final int? attemptsRemaining;
    
    ///The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    @JsonKey(name: "captchaAppId")
    final String? captchaAppId;
    
    ///The kind of failure. Choose the text for your users by it.
    @JsonKey(name: "code")
    final ErrorCode? code;
    
    ///An opaque token that proves that this device once signed in with the phone. Keep it after
    ///the session has ended, and
    ///send it with later requests: the device has its own quota then. It grants no access.
    ///Empty in cookie mode.
    @JsonKey(name: "deviceToken")
    final String? deviceToken;
    
    ///The path of the argument that is wrong, such as `input.phone`.
    @JsonKey(name: "field")
    final String? field;
    
    ///Whether this sign-in created the account.
    @JsonKey(name: "isNewUser")
    final bool? isNewUser;
    
    ///The rate limit that rejected the request, with `RATE_LIMITED`.
    @JsonKey(name: "limit")
    final RateLimit? limit;
    
    ///One English sentence for developers. Show your users your own text instead.
    @JsonKey(name: "message")
    final String? message;
    
    ///The numeric code, such as -1102. Each code has its own.
    @JsonKey(name: "number")
    final int? number;
    
    ///An opaque token that `refreshSession` exchanges, once, for new tokens. Store it where
    ///only the app can read it. Empty
    ///in cookie mode.
    @JsonKey(name: "refreshToken")
    final String? refreshToken;
    
    ///When the refresh token expires, and with it the session.
    @JsonKey(name: "refreshTokenExpiresAt")
    final String? refreshTokenExpiresAt;
    
    ///The id of the request in the server's log, if the server or the SMS provider is at fault.
    ///Report it to the operator.
    @JsonKey(name: "requestId")
    final String? requestId;
    
    ///After how many seconds to retry. If the mutation is the only field of the request, the
    ///header `Retry-After` has the
    ///same number.
    @JsonKey(name: "retryAfterSeconds")
    final int? retryAfterSeconds;
    
    ///The earliest time at which a retry can succeed, with every problem that has
    ///`retryAfterSeconds`.
    @JsonKey(name: "retryAt")
    final String? retryAt;
    
    ///The user who signed in.
    @JsonKey(name: "user")
    final User? user;

    LoginResult({
        this.accessToken,
        this.accessTokenExpiresAt,
        this.attemptsRemaining,
        this.captchaAppId,
        this.code,
        this.deviceToken,
        this.field,
        this.isNewUser,
        this.limit,
        this.message,
        this.number,
        this.refreshToken,
        this.refreshTokenExpiresAt,
        this.requestId,
        this.retryAfterSeconds,
        this.retryAt,
        this.user,
    });

    factory LoginResult.fromJson(Map<String, dynamic> json) => _$LoginResultFromJson(json);

    Map<String, dynamic> toJson() => _$LoginResultToJson(this);
}


///The kind of failure. Choose the text for your users by it.
///
///The codes of failures: `code` of a `Problem`, and `extensions.code` of a GraphQL error,
///whose `extensions.errorCode` has
///the number.
enum ErrorCode {
    @JsonValue("ACCOUNT_DISABLED")
    ACCOUNT_DISABLED,
    @JsonValue("BAD_INPUT")
    BAD_INPUT,
    @JsonValue("CAPTCHA_FAILED")
    CAPTCHA_FAILED,
    @JsonValue("CAPTCHA_REQUIRED")
    CAPTCHA_REQUIRED,
    @JsonValue("CHALLENGE_MISMATCH")
    CHALLENGE_MISMATCH,
    @JsonValue("CODE_EXPIRED")
    CODE_EXPIRED,
    @JsonValue("CODE_INCORRECT")
    CODE_INCORRECT,
    @JsonValue("INTERNAL")
    INTERNAL,
    @JsonValue("INVALID_PHONE")
    INVALID_PHONE,
    @JsonValue("NUMBER_BLOCKED")
    NUMBER_BLOCKED,
    @JsonValue("PHONE_TAKEN")
    PHONE_TAKEN,
    @JsonValue("QUERY_TOO_COMPLEX")
    QUERY_TOO_COMPLEX,
    @JsonValue("RATE_LIMITED")
    RATE_LIMITED,
    @JsonValue("REAUTHENTICATION_REQUIRED")
    REAUTHENTICATION_REQUIRED,
    @JsonValue("REGION_NOT_ALLOWED")
    REGION_NOT_ALLOWED,
    @JsonValue("SIGNUP_FAILED")
    SIGNUP_FAILED,
    @JsonValue("SMS_SEND_FAILED")
    SMS_SEND_FAILED,
    @JsonValue("TOKEN_EXPIRED")
    TOKEN_EXPIRED,
    @JsonValue("TOKEN_INVALID")
    TOKEN_INVALID,
    @JsonValue("UNAUTHENTICATED")
    UNAUTHENTICATED,
    @JsonValue("UNAVAILABLE")
    UNAVAILABLE
}

final errorCodeValues = EnumValues({
    "ACCOUNT_DISABLED": ErrorCode.ACCOUNT_DISABLED,
    "BAD_INPUT": ErrorCode.BAD_INPUT,
    "CAPTCHA_FAILED": ErrorCode.CAPTCHA_FAILED,
    "CAPTCHA_REQUIRED": ErrorCode.CAPTCHA_REQUIRED,
    "CHALLENGE_MISMATCH": ErrorCode.CHALLENGE_MISMATCH,
    "CODE_EXPIRED": ErrorCode.CODE_EXPIRED,
    "CODE_INCORRECT": ErrorCode.CODE_INCORRECT,
    "INTERNAL": ErrorCode.INTERNAL,
    "INVALID_PHONE": ErrorCode.INVALID_PHONE,
    "NUMBER_BLOCKED": ErrorCode.NUMBER_BLOCKED,
    "PHONE_TAKEN": ErrorCode.PHONE_TAKEN,
    "QUERY_TOO_COMPLEX": ErrorCode.QUERY_TOO_COMPLEX,
    "RATE_LIMITED": ErrorCode.RATE_LIMITED,
    "REAUTHENTICATION_REQUIRED": ErrorCode.REAUTHENTICATION_REQUIRED,
    "REGION_NOT_ALLOWED": ErrorCode.REGION_NOT_ALLOWED,
    "SIGNUP_FAILED": ErrorCode.SIGNUP_FAILED,
    "SMS_SEND_FAILED": ErrorCode.SMS_SEND_FAILED,
    "TOKEN_EXPIRED": ErrorCode.TOKEN_EXPIRED,
    "TOKEN_INVALID": ErrorCode.TOKEN_INVALID,
    "UNAUTHENTICATED": ErrorCode.UNAUTHENTICATED,
    "UNAVAILABLE": ErrorCode.UNAVAILABLE
});


///A rate limit that can reject a request.
enum RateLimit {
    @JsonValue("COOLDOWN")
    COOLDOWN,
    @JsonValue("FAILED_ATTEMPTS")
    FAILED_ATTEMPTS,
    @JsonValue("GUARD")
    GUARD,
    @JsonValue("IP_ATTEMPTS")
    IP_ATTEMPTS,
    @JsonValue("IP_DAILY")
    IP_DAILY,
    @JsonValue("IP_HOURLY")
    IP_HOURLY,
    @JsonValue("PHONE_DAILY")
    PHONE_DAILY,
    @JsonValue("PROVIDER")
    PROVIDER,
    @JsonValue("SPEND_DAILY")
    SPEND_DAILY,
    @JsonValue("TOTAL_DAILY")
    TOTAL_DAILY
}

final rateLimitValues = EnumValues({
    "COOLDOWN": RateLimit.COOLDOWN,
    "FAILED_ATTEMPTS": RateLimit.FAILED_ATTEMPTS,
    "GUARD": RateLimit.GUARD,
    "IP_ATTEMPTS": RateLimit.IP_ATTEMPTS,
    "IP_DAILY": RateLimit.IP_DAILY,
    "IP_HOURLY": RateLimit.IP_HOURLY,
    "PHONE_DAILY": RateLimit.PHONE_DAILY,
    "PROVIDER": RateLimit.PROVIDER,
    "SPEND_DAILY": RateLimit.SPEND_DAILY,
    "TOTAL_DAILY": RateLimit.TOTAL_DAILY
});


///The user who signed in.
///
///A user with an account.
///
///The user of the session.
///
///The user with the new values.
@JsonSerializable()
class User {
    
    ///The URL of the user's picture. Until the user sets one, it is a random default picture.
    @JsonKey(name: "avatar")
    final String avatar;
    
    ///When the user signed up.
    @JsonKey(name: "createdAt")
    final String createdAt;
    
    ///A UUIDv7, which never changes.
    @JsonKey(name: "id")
    final String id;
    
    ///When the user last signed in with a code. Null for every other user than the one who is
    ///signed in.
    @JsonKey(name: "lastLoginAt")
    final String? lastLoginAt;
    
    ///The user's name. Empty until the user sets one.
    @JsonKey(name: "name")
    final String name;
    
    ///The user's phone. Null for every other user than the one who is signed in.
    @JsonKey(name: "phone")
    final String? phone;
    
    ///The user's active sessions, the most recently used first, at most 100. Null for every
    ///other user than
    ///the one who is signed in.
    @JsonKey(name: "sessions")
    final List<Session>? sessions;

    User({
        required this.avatar,
        required this.createdAt,
        required this.id,
        this.lastLoginAt,
        required this.name,
        this.phone,
        this.sessions,
    });

    factory User.fromJson(Map<String, dynamic> json) => _$UserFromJson(json);

    Map<String, dynamic> toJson() => _$UserToJson(this);
}


///A session: a device on which the user is signed in.
@JsonSerializable()
class Session {
    
    ///When the user signed in.
    @JsonKey(name: "createdAt")
    final String createdAt;
    
    ///Whether this is the session of the request's access token.
    @JsonKey(name: "current")
    final bool current;
    
    ///The name of the device from `login`. Null if the client sent no name.
    @JsonKey(name: "deviceName")
    final String? deviceName;
    
    ///When the session ends if it is not refreshed before.
    @JsonKey(name: "expiresAt")
    final String expiresAt;
    
    ///The id of the session, which `logout` accepts. It is also the `sid` claim of the
    ///session's access tokens.
    @JsonKey(name: "id")
    final String id;
    
    ///The client address of the sign-in, or of the last refresh if there was one.
    @JsonKey(name: "lastAddress")
    final String lastAddress;
    
    ///When the session was last refreshed, or created if it was never refreshed.
    @JsonKey(name: "lastUsedAt")
    final String lastUsedAt;

    Session({
        required this.createdAt,
        required this.current,
        this.deviceName,
        required this.expiresAt,
        required this.id,
        required this.lastAddress,
        required this.lastUsedAt,
    });

    factory Session.fromJson(Map<String, dynamic> json) => _$SessionFromJson(json);

    Map<String, dynamic> toJson() => _$SessionToJson(this);
}


///A failure that is not a problem, such as an expired access token.
@JsonSerializable()
class GraphQlError {
    @JsonKey(name: "extensions")
    final GraphQlErrorExtensions? extensions;
    @JsonKey(name: "message")
    final String message;

    GraphQlError({
        this.extensions,
        required this.message,
    });

    factory GraphQlError.fromJson(Map<String, dynamic> json) => _$GraphQlErrorFromJson(json);

    Map<String, dynamic> toJson() => _$GraphQlErrorToJson(this);
}

@JsonSerializable()
class GraphQlErrorExtensions {
    
    ///An `ErrorCode`, or `GRAPHQL_PARSE_FAILED` or `GRAPHQL_VALIDATION_FAILED`.
    @JsonKey(name: "code")
    final String code;
    @JsonKey(name: "errorCode")
    final int errorCode;
    @JsonKey(name: "requestId")
    final String? requestId;
    @JsonKey(name: "retryAfterSeconds")
    final int? retryAfterSeconds;

    GraphQlErrorExtensions({
        required this.code,
        required this.errorCode,
        this.requestId,
        this.retryAfterSeconds,
    });

    factory GraphQlErrorExtensions.fromJson(Map<String, dynamic> json) => _$GraphQlErrorExtensionsFromJson(json);

    Map<String, dynamic> toJson() => _$GraphQlErrorExtensionsToJson(this);
}


///The sessions to end. Without either field, only the session of the access token ends.
@JsonSerializable()
class LogoutInput {
    
    ///Whether to end all sessions of the user, including the current one. If true, `sessionIds`
    ///is ignored.
    @JsonKey(name: "everywhere")
    final bool? everywhere;
    
    ///The ids of the sessions to end, at most 100; more fail with `BAD_INPUT`. Sessions of
    ///other users are ignored.
    @JsonKey(name: "sessionIds")
    final List<String>? sessionIds;

    LogoutInput({
        this.everywhere,
        this.sessionIds,
    });

    factory LogoutInput.fromJson(Map<String, dynamic> json) => _$LogoutInputFromJson(json);

    Map<String, dynamic> toJson() => _$LogoutInputToJson(this);
}

@JsonSerializable()
class LogoutResponse {
    @JsonKey(name: "data")
    final LogoutData? data;
    @JsonKey(name: "errors")
    final List<GraphQlError>? errors;

    LogoutResponse({
        this.data,
        this.errors,
    });

    factory LogoutResponse.fromJson(Map<String, dynamic> json) => _$LogoutResponseFromJson(json);

    Map<String, dynamic> toJson() => _$LogoutResponseToJson(this);
}

@JsonSerializable()
class LogoutData {
    
    ///Ends the current session, the given sessions, or all sessions. Their access tokens are
    ///rejected immediately.
    ///Needs sign-in; in cookie mode, the refresh cookie is enough.
    @JsonKey(name: "logout")
    final LogoutResult? logout;

    LogoutData({
        this.logout,
    });

    factory LogoutData.fromJson(Map<String, dynamic> json) => _$LogoutDataFromJson(json);

    Map<String, dynamic> toJson() => _$LogoutDataToJson(this);
}


///Ends the current session, the given sessions, or all sessions. Their access tokens are
///rejected immediately.
///Needs sign-in; in cookie mode, the refresh cookie is enough.
///
///The result of `logout`.
@JsonSerializable()
class LogoutResult {
    
    ///How many attempts this code has left, with `CODE_INCORRECT`.
    @JsonKey(name: "attemptsRemaining")
    final int? attemptsRemaining;
    
    ///The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    @JsonKey(name: "captchaAppId")
    final String? captchaAppId;
    
    ///The kind of failure. Choose the text for your users by it.
    @JsonKey(name: "code")
    final ErrorCode? code;
    
    ///How many active sessions were ended.
    @JsonKey(name: "endedSessions")
    final int? endedSessions;
    
    ///The path of the argument that is wrong, such as `input.phone`.
    @JsonKey(name: "field")
    final String? field;
    
    ///The rate limit that rejected the request, with `RATE_LIMITED`.
    @JsonKey(name: "limit")
    final RateLimit? limit;
    
    ///One English sentence for developers. Show your users your own text instead.
    @JsonKey(name: "message")
    final String? message;
    
    ///The numeric code, such as -1102. Each code has its own.
    @JsonKey(name: "number")
    final int? number;
    
    ///The id of the request in the server's log, if the server or the SMS provider is at fault.
    ///Report it to the operator.
    @JsonKey(name: "requestId")
    final String? requestId;
    
    ///After how many seconds to retry. If the mutation is the only field of the request, the
    ///header `Retry-After` has the
    ///same number.
    @JsonKey(name: "retryAfterSeconds")
    final int? retryAfterSeconds;
    
    ///The earliest time at which a retry can succeed, with every problem that has
    ///`retryAfterSeconds`.
    @JsonKey(name: "retryAt")
    final String? retryAt;

    LogoutResult({
        this.attemptsRemaining,
        this.captchaAppId,
        this.code,
        this.endedSessions,
        this.field,
        this.limit,
        this.message,
        this.number,
        this.requestId,
        this.retryAfterSeconds,
        this.retryAt,
    });

    factory LogoutResult.fromJson(Map<String, dynamic> json) => _$LogoutResultFromJson(json);

    Map<String, dynamic> toJson() => _$LogoutResultToJson(this);
}

@JsonSerializable()
class MeResponse {
    @JsonKey(name: "data")
    final MeData? data;
    @JsonKey(name: "errors")
    final List<GraphQlError>? errors;

    MeResponse({
        this.data,
        this.errors,
    });

    factory MeResponse.fromJson(Map<String, dynamic> json) => _$MeResponseFromJson(json);

    Map<String, dynamic> toJson() => _$MeResponseToJson(this);
}

@JsonSerializable()
class MeData {
    
    ///The user who is signed in. Null if the request has no access token; an error if its token
    ///is invalid or expired.
    @JsonKey(name: "me")
    final User? me;

    MeData({
        this.me,
    });

    factory MeData.fromJson(Map<String, dynamic> json) => _$MeDataFromJson(json);

    Map<String, dynamic> toJson() => _$MeDataToJson(this);
}


///The refresh token of a session. In cookie mode it is in a cookie, and this input can be
///left out.
@JsonSerializable()
class RefreshSessionInput {
    
    ///A random string of 16 to 128 characters, a new one for each refresh. Until the new
    ///refresh token is used, repeating
    ///the request with the same key returns the same new refresh token.
    @JsonKey(name: "idempotencyKey")
    final String? idempotencyKey;
    
    ///The latest refresh token that the client received, from `login` or `refreshSession`.
    ///Required, except in cookie mode.
    @JsonKey(name: "refreshToken")
    final String? refreshToken;

    RefreshSessionInput({
        this.idempotencyKey,
        this.refreshToken,
    });

    factory RefreshSessionInput.fromJson(Map<String, dynamic> json) => _$RefreshSessionInputFromJson(json);

    Map<String, dynamic> toJson() => _$RefreshSessionInputToJson(this);
}

@JsonSerializable()
class RefreshSessionResponse {
    @JsonKey(name: "data")
    final RefreshSessionData? data;
    @JsonKey(name: "errors")
    final List<GraphQlError>? errors;

    RefreshSessionResponse({
        this.data,
        this.errors,
    });

    factory RefreshSessionResponse.fromJson(Map<String, dynamic> json) => _$RefreshSessionResponseFromJson(json);

    Map<String, dynamic> toJson() => _$RefreshSessionResponseToJson(this);
}

@JsonSerializable()
class RefreshSessionData {
    
    ///Exchanges a refresh token for a new refresh token and a new access token. A refresh token
    ///is valid once. Reusing
    ///an older token ends the session. For a few seconds, the immediately preceding token
    ///returns the same new refresh
    ///token instead.
    @JsonKey(name: "refreshSession")
    final RefreshSessionResult? refreshSession;

    RefreshSessionData({
        this.refreshSession,
    });

    factory RefreshSessionData.fromJson(Map<String, dynamic> json) => _$RefreshSessionDataFromJson(json);

    Map<String, dynamic> toJson() => _$RefreshSessionDataToJson(this);
}


///Exchanges a refresh token for a new refresh token and a new access token. A refresh token
///is valid once. Reusing
///an older token ends the session. For a few seconds, the immediately preceding token
///returns the same new refresh
///token instead.
///
///The result of `refreshSession`.
@JsonSerializable()
class RefreshSessionResult {
    
    ///A JWT for the header `Authorization: Bearer <token>`.
    @JsonKey(name: "accessToken")
    final String? accessToken;
    
    ///When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
    @JsonKey(name: "accessTokenExpiresAt")
    final String? accessTokenExpiresAt;
    
    ///How many attempts this code has left, with `CODE_INCORRECT`.
    @JsonKey(name: "attemptsRemaining")
    final int? attemptsRemaining;
    
    ///The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    @JsonKey(name: "captchaAppId")
    final String? captchaAppId;
    
    ///The kind of failure. Choose the text for your users by it.
    @JsonKey(name: "code")
    final ErrorCode? code;
    
    ///The path of the argument that is wrong, such as `input.phone`.
    @JsonKey(name: "field")
    final String? field;
    
    ///The rate limit that rejected the request, with `RATE_LIMITED`.
    @JsonKey(name: "limit")
    final RateLimit? limit;
    
    ///One English sentence for developers. Show your users your own text instead.
    @JsonKey(name: "message")
    final String? message;
    
    ///The numeric code, such as -1102. Each code has its own.
    @JsonKey(name: "number")
    final int? number;
    
    ///The next refresh token. Replace the old one with it: the old one must not be used again.
    ///Empty in cookie mode.
    @JsonKey(name: "refreshToken")
    final String? refreshToken;
    
    ///When the refresh token expires, and with it the session.
    @JsonKey(name: "refreshTokenExpiresAt")
    final String? refreshTokenExpiresAt;
    
    ///The id of the request in the server's log, if the server or the SMS provider is at fault.
    ///Report it to the operator.
    @JsonKey(name: "requestId")
    final String? requestId;
    
    ///After how many seconds to retry. If the mutation is the only field of the request, the
    ///header `Retry-After` has the
    ///same number.
    @JsonKey(name: "retryAfterSeconds")
    final int? retryAfterSeconds;
    
    ///The earliest time at which a retry can succeed, with every problem that has
    ///`retryAfterSeconds`.
    @JsonKey(name: "retryAt")
    final String? retryAt;
    
    ///The user of the session.
    @JsonKey(name: "user")
    final User? user;

    RefreshSessionResult({
        this.accessToken,
        this.accessTokenExpiresAt,
        this.attemptsRemaining,
        this.captchaAppId,
        this.code,
        this.field,
        this.limit,
        this.message,
        this.number,
        this.refreshToken,
        this.refreshTokenExpiresAt,
        this.requestId,
        this.retryAfterSeconds,
        this.retryAt,
        this.user,
    });

    factory RefreshSessionResult.fromJson(Map<String, dynamic> json) => _$RefreshSessionResultFromJson(json);

    Map<String, dynamic> toJson() => _$RefreshSessionResultToJson(this);
}


///The phone that gets a code, and the purpose of the code.
@JsonSerializable()
class RequestCodeInput {
    
    ///The hash of an Android app that reads the code from the SMS with the SMS Retriever API:
    ///11 characters. The SMS contains
    ///it if the server's template has a place for it.
    @JsonKey(name: "appHash")
    final String? appHash;
    
    ///The result of a captcha. Send it after a `CAPTCHA_REQUIRED` error.
    @JsonKey(name: "captcha")
    final CaptchaInput? captcha;
    
    ///The way in which the code reaches the phone. A call can only follow an SMS: `VOICE` needs
    ///the challenge of the SMS in
    ///`resendOf`, so offer it to users whose SMS has not arrived.
    @JsonKey(name: "channel")
    final CodeChannel? channel;
    
    ///The `deviceToken` that `login` returned on this device for this phone. Such a device has
    ///its own rate limits, which
    ///nobody else can use up. Every other text has no effect.
    @JsonKey(name: "deviceToken")
    final String? deviceToken;
    
    ///A random text of 16 to 128 characters, such as a UUID. Use the same one again if the
    ///answer was lost: while the code is
    ///valid, the server repeats its answer and sends no second SMS. The other arguments must be
    ///the same.
    @JsonKey(name: "idempotencyKey")
    final String? idempotencyKey;
    
    ///The user's language as a BCP 47 tag, such as `zh-CN`; it chooses the text of the SMS.
    ///Without it, the `Accept-Language`
    ///header of the request decides.
    @JsonKey(name: "locale")
    final String? locale;
    
    ///The phone that gets the code. For `CHANGE_PHONE` it is the new phone. For
    ///`REAUTHENTICATE` and `DELETE_ACCOUNT` it must
    ///be the account's own phone, and can be left out. All other purposes require it.
    @JsonKey(name: "phone")
    final String? phone;
    
    ///What the client will use the code for. The code is valid for this purpose only.
    @JsonKey(name: "purpose")
    final CodePurpose? purpose;
    
    ///The transaction that the user confirms, such as `transfer:9981`. It is copied into the
    ///proof. Only for `VERIFY`;
    ///1 to 128 characters without control characters.
    @JsonKey(name: "reference")
    final String? reference;
    
    ///The challenge that this request replaces, because its SMS has not arrived. Its id is void
    ///then, and its code is accepted
    ///with the new id until it expires. Ignored if that challenge is not valid any more, or has
    ///another phone, purpose or
    ///reference.
    @JsonKey(name: "resendOf")
    final String? resendOf;

    RequestCodeInput({
        this.appHash,
        this.captcha,
        this.channel,
        this.deviceToken,
        this.idempotencyKey,
        this.locale,
        this.phone,
        this.purpose,
        this.reference,
        this.resendOf,
    });

    factory RequestCodeInput.fromJson(Map<String, dynamic> json) => _$RequestCodeInputFromJson(json);

    Map<String, dynamic> toJson() => _$RequestCodeInputToJson(this);
}


///The result that Tencent Captcha's client library returns when the user has passed the
///captcha.
@JsonSerializable()
class CaptchaInput {
    
    ///The `randstr` of the result. The captcha of a mini-program has none, so leave it out
    ///there.
    @JsonKey(name: "randstr")
    final String? randstr;
    
    ///The `ticket` of the result.
    @JsonKey(name: "ticket")
    final String ticket;

    CaptchaInput({
        this.randstr,
        required this.ticket,
    });

    factory CaptchaInput.fromJson(Map<String, dynamic> json) => _$CaptchaInputFromJson(json);

    Map<String, dynamic> toJson() => _$CaptchaInputToJson(this);
}


///The way in which the code reaches the phone. A call can only follow an SMS: `VOICE` needs
///the challenge of the SMS in
///`resendOf`, so offer it to users whose SMS has not arrived.
///
///The way in which a code reaches the phone.
enum CodeChannel {
    @JsonValue("SMS")
    SMS,
    @JsonValue("VOICE")
    VOICE
}

final codeChannelValues = EnumValues({
    "SMS": CodeChannel.SMS,
    "VOICE": CodeChannel.VOICE
});


///What the client will use the code for. The code is valid for this purpose only.
///
///What a code can be used for. A code issued for one purpose is rejected for every other.
enum CodePurpose {
    @JsonValue("CHANGE_PHONE")
    CHANGE_PHONE,
    @JsonValue("DELETE_ACCOUNT")
    DELETE_ACCOUNT,
    @JsonValue("LOGIN")
    LOGIN,
    @JsonValue("REAUTHENTICATE")
    REAUTHENTICATE,
    @JsonValue("VERIFY")
    VERIFY
}

final codePurposeValues = EnumValues({
    "CHANGE_PHONE": CodePurpose.CHANGE_PHONE,
    "DELETE_ACCOUNT": CodePurpose.DELETE_ACCOUNT,
    "LOGIN": CodePurpose.LOGIN,
    "REAUTHENTICATE": CodePurpose.REAUTHENTICATE,
    "VERIFY": CodePurpose.VERIFY
});

@JsonSerializable()
class RequestCodeResponse {
    @JsonKey(name: "data")
    final RequestCodeData? data;
    @JsonKey(name: "errors")
    final List<GraphQlError>? errors;

    RequestCodeResponse({
        this.data,
        this.errors,
    });

    factory RequestCodeResponse.fromJson(Map<String, dynamic> json) => _$RequestCodeResponseFromJson(json);

    Map<String, dynamic> toJson() => _$RequestCodeResponseToJson(this);
}

@JsonSerializable()
class RequestCodeData {
    
    ///Sends a one-time code of six digits by SMS. Send the code back with its `challengeId`: to
    ///`login`, or to the
    ///mutation of its purpose.
    @JsonKey(name: "requestCode")
    final RequestCodeResult? requestCode;

    RequestCodeData({
        this.requestCode,
    });

    factory RequestCodeData.fromJson(Map<String, dynamic> json) => _$RequestCodeDataFromJson(json);

    Map<String, dynamic> toJson() => _$RequestCodeDataToJson(this);
}


///Sends a one-time code of six digits by SMS. Send the code back with its `challengeId`: to
///`login`, or to the
///mutation of its purpose.
///
///The result of `requestCode`.
@JsonSerializable()
class RequestCodeResult {
    
    ///How many attempts this code has left, with `CODE_INCORRECT`.
    @JsonKey(name: "attemptsRemaining")
    final int? attemptsRemaining;
    
    ///The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    @JsonKey(name: "captchaAppId")
    final String? captchaAppId;
    
    ///The id of this challenge. Keep it, and send it together with the code.
    @JsonKey(name: "challengeId")
    final String? challengeId;
    
    ///The kind of failure. Choose the text for your users by it.
    @JsonKey(name: "code")
    final ErrorCode? code;
    
    ///The number of digits in the code, for the input field.
    @JsonKey(name: "codeLength")
    final int? codeLength;
    
    ///When the code expires. From then on, it is rejected with `CODE_EXPIRED`.
    @JsonKey(name: "expiresAt")
    final String? expiresAt;
    
    ///The path of the argument that is wrong, such as `input.phone`.
    @JsonKey(name: "field")
    final String? field;
    
    ///The rate limit that rejected the request, with `RATE_LIMITED`.
    @JsonKey(name: "limit")
    final RateLimit? limit;
    
    ///One English sentence for developers. Show your users your own text instead.
    @JsonKey(name: "message")
    final String? message;
    
    ///The numeric code, such as -1102. Each code has its own.
    @JsonKey(name: "number")
    final int? number;
    
    ///The id of the request in the server's log, if the server or the SMS provider is at fault.
    ///Report it to the operator.
    @JsonKey(name: "requestId")
    final String? requestId;
    
    ///The earliest time at which this phone can be sent another code. If no send is left today,
    ///this is the start of
    ///tomorrow. Requests before this time fail with `RATE_LIMITED`.
    @JsonKey(name: "resendAt")
    final String? resendAt;
    
    ///After how many seconds to retry. If the mutation is the only field of the request, the
    ///header `Retry-After` has the
    ///same number.
    @JsonKey(name: "retryAfterSeconds")
    final int? retryAfterSeconds;
    
    ///The earliest time at which a retry can succeed, with every problem that has
    ///`retryAfterSeconds`.
    @JsonKey(name: "retryAt")
    final String? retryAt;
    
    ///How many more codes can be sent to this phone today. Null if the server has no daily
    ///limit.
    @JsonKey(name: "sendsRemaining")
    final int? sendsRemaining;

    RequestCodeResult({
        this.attemptsRemaining,
        this.captchaAppId,
        this.challengeId,
        this.code,
        this.codeLength,
        this.expiresAt,
        this.field,
        this.limit,
        this.message,
        this.number,
        this.requestId,
        this.resendAt,
        this.retryAfterSeconds,
        this.retryAt,
        this.sendsRemaining,
    });

    factory RequestCodeResult.fromJson(Map<String, dynamic> json) => _$RequestCodeResultFromJson(json);

    Map<String, dynamic> toJson() => _$RequestCodeResultToJson(this);
}


///The fields of the profile to change. A field that is absent or null stays unchanged.
@JsonSerializable()
class UpdateProfileInput {
    
    ///The `https` URL of the user's picture, at most 512 characters. An empty text replaces the
    ///picture by one of those that new
    ///users get.
    @JsonKey(name: "avatar")
    final String? avatar;
    
    ///The user's name: at most 32 characters (extended grapheme clusters), without control
    ///characters. An empty text removes the
    ///name.
    @JsonKey(name: "name")
    final String? name;

    UpdateProfileInput({
        this.avatar,
        this.name,
    });

    factory UpdateProfileInput.fromJson(Map<String, dynamic> json) => _$UpdateProfileInputFromJson(json);

    Map<String, dynamic> toJson() => _$UpdateProfileInputToJson(this);
}

@JsonSerializable()
class UpdateProfileResponse {
    @JsonKey(name: "data")
    final UpdateProfileData? data;
    @JsonKey(name: "errors")
    final List<GraphQlError>? errors;

    UpdateProfileResponse({
        this.data,
        this.errors,
    });

    factory UpdateProfileResponse.fromJson(Map<String, dynamic> json) => _$UpdateProfileResponseFromJson(json);

    Map<String, dynamic> toJson() => _$UpdateProfileResponseToJson(this);
}

@JsonSerializable()
class UpdateProfileData {
    
    ///Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs
    ///sign-in.
    @JsonKey(name: "updateProfile")
    final UpdateProfileResult? updateProfile;

    UpdateProfileData({
        this.updateProfile,
    });

    factory UpdateProfileData.fromJson(Map<String, dynamic> json) => _$UpdateProfileDataFromJson(json);

    Map<String, dynamic> toJson() => _$UpdateProfileDataToJson(this);
}


///Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs
///sign-in.
///
///The result of `updateProfile`.
@JsonSerializable()
class UpdateProfileResult {
    
    ///How many attempts this code has left, with `CODE_INCORRECT`.
    @JsonKey(name: "attemptsRemaining")
    final int? attemptsRemaining;
    
    ///The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    @JsonKey(name: "captchaAppId")
    final String? captchaAppId;
    
    ///The kind of failure. Choose the text for your users by it.
    @JsonKey(name: "code")
    final ErrorCode? code;
    
    ///The path of the argument that is wrong, such as `input.phone`.
    @JsonKey(name: "field")
    final String? field;
    
    ///The rate limit that rejected the request, with `RATE_LIMITED`.
    @JsonKey(name: "limit")
    final RateLimit? limit;
    
    ///One English sentence for developers. Show your users your own text instead.
    @JsonKey(name: "message")
    final String? message;
    
    ///The numeric code, such as -1102. Each code has its own.
    @JsonKey(name: "number")
    final int? number;
    
    ///The id of the request in the server's log, if the server or the SMS provider is at fault.
    ///Report it to the operator.
    @JsonKey(name: "requestId")
    final String? requestId;
    
    ///After how many seconds to retry. If the mutation is the only field of the request, the
    ///header `Retry-After` has the
    ///same number.
    @JsonKey(name: "retryAfterSeconds")
    final int? retryAfterSeconds;
    
    ///The earliest time at which a retry can succeed, with every problem that has
    ///`retryAfterSeconds`.
    @JsonKey(name: "retryAt")
    final String? retryAt;
    
    ///The user with the new values.
    @JsonKey(name: "user")
    final User? user;

    UpdateProfileResult({
        this.attemptsRemaining,
        this.captchaAppId,
        this.code,
        this.field,
        this.limit,
        this.message,
        this.number,
        this.requestId,
        this.retryAfterSeconds,
        this.retryAt,
        this.user,
    });

    factory UpdateProfileResult.fromJson(Map<String, dynamic> json) => _$UpdateProfileResultFromJson(json);

    Map<String, dynamic> toJson() => _$UpdateProfileResultToJson(this);
}

class EnumValues<T> {
    Map<String, T> map;
    late Map<T, String> reverseMap;

    EnumValues(this.map);

    Map<T, String> get reverse {
            reverseMap = map.map((k, v) => MapEntry(v, k));
            return reverseMap;
    }
}

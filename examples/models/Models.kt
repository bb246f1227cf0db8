// To parse the JSON, install kotlin's serialization plugin and do:
//
// val json       = Json { allowStructuredMapKeys = true }
// val operations = json.parse(Operations.serializer(), jsonString)

package com.example.smslogin

import kotlinx.serialization.*
import kotlinx.serialization.json.*
import kotlinx.serialization.descriptors.*
import kotlinx.serialization.encoding.*

@Serializable
data class Operations (
    @SerialName("LoginInput")
    val loginInput: LoginInput? = null,

    @SerialName("LoginResponse")
    val loginResponse: LoginResponse? = null,

    @SerialName("LogoutInput")
    val logoutInput: LogoutInput? = null,

    @SerialName("LogoutResponse")
    val logoutResponse: LogoutResponse? = null,

    @SerialName("MeResponse")
    val meResponse: MeResponse? = null,

    @SerialName("RefreshSessionInput")
    val refreshSessionInput: RefreshSessionInput? = null,

    @SerialName("RefreshSessionResponse")
    val refreshSessionResponse: RefreshSessionResponse? = null,

    @SerialName("RequestCodeInput")
    val requestCodeInput: RequestCodeInput? = null,

    @SerialName("RequestCodeResponse")
    val requestCodeResponse: RequestCodeResponse? = null,

    @SerialName("UpdateProfileInput")
    val updateProfileInput: UpdateProfileInput? = null,

    @SerialName("UpdateProfileResponse")
    val updateProfileResponse: UpdateProfileResponse? = null
)

/**
 * The phone, the code from its SMS and the `challengeId` from `requestCode`.
 */
@Serializable
data class LoginInput (
    /**
     * The `challengeId` that `requestCode` returned for this code. Every other one fails with
     * `CHALLENGE_MISMATCH`.
     */
    val challengeId: String,

    /**
     * The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt.
     */
    val code: String,

    /**
     * A name for the device in the user's list of sessions, such as `Anna's phone`; 1 to 64
     * characters.
     */
    val deviceName: String? = null,

    /**
     * The `deviceToken` of an earlier `login` on this device for this phone. Such a device has
     * its own rate limits, and the
     * new token is for the same device. Every other text has no effect.
     */
    val deviceToken: String? = null,

    /**
     * A random string of 16 to 128 characters. For two minutes, and until the session is
     * refreshed or ends, repeating the
     * request with the same key returns the same session.
     */
    val idempotencyKey: String? = null,

    /**
     * The phone that received the code.
     */
    val phone: String
)

@Serializable
data class LoginResponse (
    val data: LoginData? = null,
    val errors: List<GraphQlError>? = null
)

@Serializable
data class LoginData (
    /**
     * Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this
     * creates one.
     */
    val login: LoginResult? = null
)

/**
 * Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this
 * creates one.
 *
 * The result of `login`.
 */
@Serializable
data class LoginResult (
    /**
     * A JWT for the header `Authorization: Bearer <token>`.
     */
    val accessToken: String? = null,

    /**
     * When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
     */
    val accessTokenExpiresAt: String? = null,

    /**
     * How many attempts this code has left, with `CODE_INCORRECT`.
     */
    val attemptsRemaining: Long? = null,

    /**
     * The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
     */
    val captchaAppId: String? = null,

    /**
     * The kind of failure. Choose the text for your users by it.
     */
    val code: ErrorCode? = null,

    /**
     * An opaque token that proves that this device once signed in with the phone. Keep it after
     * the session has ended, and
     * send it with later requests: the device has its own quota then. It grants no access.
     * Empty in cookie mode.
     */
    val deviceToken: String? = null,

    /**
     * The path of the argument that is wrong, such as `input.phone`.
     */
    val field: String? = null,

    /**
     * Whether this sign-in created the account.
     */
    val isNewUser: Boolean? = null,

    /**
     * The rate limit that rejected the request, with `RATE_LIMITED`.
     */
    val limit: RateLimit? = null,

    /**
     * One English sentence for developers. Show your users your own text instead.
     */
    val message: String? = null,

    /**
     * The numeric code, such as -1102. Each code has its own.
     */
    val number: Long? = null,

    /**
     * An opaque token that `refreshSession` exchanges, once, for new tokens. Store it where
     * only the app can read it. Empty
     * in cookie mode.
     */
    val refreshToken: String? = null,

    /**
     * When the refresh token expires, and with it the session.
     */
    val refreshTokenExpiresAt: String? = null,

    /**
     * The id of the request in the server's log, if the server or the SMS provider is at fault.
     * Report it to the operator.
     */
    val requestId: String? = null,

    /**
     * After how many seconds to retry. If the mutation is the only field of the request, the
     * header `Retry-After` has the
     * same number.
     */
    val retryAfterSeconds: Long? = null,

    /**
     * The earliest time at which a retry can succeed, with every problem that has
     * `retryAfterSeconds`.
     */
    val retryAt: String? = null,

    /**
     * The user who signed in.
     */
    val user: User? = null
)

/**
 * The kind of failure. Choose the text for your users by it.
 *
 * The codes of failures: `code` of a `Problem`, and `extensions.code` of a GraphQL error,
 * whose `extensions.errorCode` has
 * the number.
 */
@Serializable
enum class ErrorCode(val value: String) {
    @SerialName("ACCOUNT_DISABLED") AccountDisabled("ACCOUNT_DISABLED"),
    @SerialName("BAD_INPUT") BadInput("BAD_INPUT"),
    @SerialName("CAPTCHA_FAILED") CAPTCHAFailed("CAPTCHA_FAILED"),
    @SerialName("CAPTCHA_REQUIRED") CAPTCHARequired("CAPTCHA_REQUIRED"),
    @SerialName("CHALLENGE_MISMATCH") ChallengeMismatch("CHALLENGE_MISMATCH"),
    @SerialName("CODE_EXPIRED") CodeExpired("CODE_EXPIRED"),
    @SerialName("CODE_INCORRECT") CodeIncorrect("CODE_INCORRECT"),
    @SerialName("INTERNAL") Internal("INTERNAL"),
    @SerialName("INVALID_PHONE") InvalidPhone("INVALID_PHONE"),
    @SerialName("NUMBER_BLOCKED") NumberBlocked("NUMBER_BLOCKED"),
    @SerialName("PHONE_TAKEN") PhoneTaken("PHONE_TAKEN"),
    @SerialName("QUERY_TOO_COMPLEX") QueryTooComplex("QUERY_TOO_COMPLEX"),
    @SerialName("RATE_LIMITED") RateLimited("RATE_LIMITED"),
    @SerialName("REAUTHENTICATION_REQUIRED") ReauthenticationRequired("REAUTHENTICATION_REQUIRED"),
    @SerialName("REGION_NOT_ALLOWED") RegionNotAllowed("REGION_NOT_ALLOWED"),
    @SerialName("SMS_SEND_FAILED") SMSSendFailed("SMS_SEND_FAILED"),
    @SerialName("SIGNUP_FAILED") SignupFailed("SIGNUP_FAILED"),
    @SerialName("TOKEN_EXPIRED") TokenExpired("TOKEN_EXPIRED"),
    @SerialName("TOKEN_INVALID") TokenInvalid("TOKEN_INVALID"),
    @SerialName("UNAUTHENTICATED") Unauthenticated("UNAUTHENTICATED"),
    @SerialName("UNAVAILABLE") Unavailable("UNAVAILABLE");
}

/**
 * A rate limit that can reject a request.
 */
@Serializable
enum class RateLimit(val value: String) {
    @SerialName("COOLDOWN") Cooldown("COOLDOWN"),
    @SerialName("FAILED_ATTEMPTS") FailedAttempts("FAILED_ATTEMPTS"),
    @SerialName("GUARD") Guard("GUARD"),
    @SerialName("IP_ATTEMPTS") IPAttempts("IP_ATTEMPTS"),
    @SerialName("IP_DAILY") IPDaily("IP_DAILY"),
    @SerialName("IP_HOURLY") IPHourly("IP_HOURLY"),
    @SerialName("PHONE_DAILY") PhoneDaily("PHONE_DAILY"),
    @SerialName("PROVIDER") Provider("PROVIDER"),
    @SerialName("SPEND_DAILY") SpendDaily("SPEND_DAILY"),
    @SerialName("TOTAL_DAILY") TotalDaily("TOTAL_DAILY");
}

/**
 * The user who signed in.
 *
 * A user with an account.
 *
 * The user of the session.
 *
 * The user with the new values.
 */
@Serializable
data class User (
    /**
     * The URL of the user's picture. Until the user sets one, it is a random default picture.
     */
    val avatar: String,

    /**
     * When the user signed up.
     */
    val createdAt: String,

    /**
     * A UUIDv7, which never changes.
     */
    val id: String,

    /**
     * When the user last signed in with a code. Null for every other user than the one who is
     * signed in.
     */
    val lastLoginAt: String? = null,

    /**
     * The user's name. Empty until the user sets one.
     */
    val name: String,

    /**
     * The user's phone. Null for every other user than the one who is signed in.
     */
    val phone: String? = null,

    /**
     * The user's active sessions, the most recently used first, at most 100. Null for every
     * other user than
     * the one who is signed in.
     */
    val sessions: List<Session>? = null
)

/**
 * A session: a device on which the user is signed in.
 */
@Serializable
data class Session (
    /**
     * When the user signed in.
     */
    val createdAt: String,

    /**
     * Whether this is the session of the request's access token.
     */
    val current: Boolean,

    /**
     * The name of the device from `login`. Null if the client sent no name.
     */
    val deviceName: String? = null,

    /**
     * When the session ends if it is not refreshed before.
     */
    val expiresAt: String,

    /**
     * The id of the session, which `logout` accepts. It is also the `sid` claim of the
     * session's access tokens.
     */
    val id: String,

    /**
     * The client address of the sign-in, or of the last refresh if there was one.
     */
    val lastAddress: String,

    /**
     * When the session was last refreshed, or created if it was never refreshed.
     */
    val lastUsedAt: String
)

/**
 * A failure that is not a problem, such as an expired access token.
 */
@Serializable
data class GraphQlError (
    val extensions: GraphQlErrorExtensions? = null,
    val message: String
)

@Serializable
data class GraphQlErrorExtensions (
    /**
     * An `ErrorCode`, or `GRAPHQL_PARSE_FAILED` or `GRAPHQL_VALIDATION_FAILED`.
     */
    val code: String,

    val errorCode: Long,
    val requestId: String? = null,
    val retryAfterSeconds: Long? = null
)

/**
 * The sessions to end. Without either field, only the session of the access token ends.
 */
@Serializable
data class LogoutInput (
    /**
     * Whether to end all sessions of the user, including the current one. If true, `sessionIds`
     * is ignored.
     */
    val everywhere: Boolean? = null,

    /**
     * The ids of the sessions to end, at most 100; more fail with `BAD_INPUT`. Sessions of
     * other users are ignored.
     */
    val sessionIds: List<String>? = null
)

@Serializable
data class LogoutResponse (
    val data: LogoutData? = null,
    val errors: List<GraphQlError>? = null
)

@Serializable
data class LogoutData (
    /**
     * Ends the current session, the given sessions, or all sessions. Their access tokens are
     * rejected immediately.
     * Needs sign-in; in cookie mode, the refresh cookie is enough.
     */
    val logout: LogoutResult? = null
)

/**
 * Ends the current session, the given sessions, or all sessions. Their access tokens are
 * rejected immediately.
 * Needs sign-in; in cookie mode, the refresh cookie is enough.
 *
 * The result of `logout`.
 */
@Serializable
data class LogoutResult (
    /**
     * How many attempts this code has left, with `CODE_INCORRECT`.
     */
    val attemptsRemaining: Long? = null,

    /**
     * The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
     */
    val captchaAppId: String? = null,

    /**
     * The kind of failure. Choose the text for your users by it.
     */
    val code: ErrorCode? = null,

    /**
     * How many active sessions were ended.
     */
    val endedSessions: Long? = null,

    /**
     * The path of the argument that is wrong, such as `input.phone`.
     */
    val field: String? = null,

    /**
     * The rate limit that rejected the request, with `RATE_LIMITED`.
     */
    val limit: RateLimit? = null,

    /**
     * One English sentence for developers. Show your users your own text instead.
     */
    val message: String? = null,

    /**
     * The numeric code, such as -1102. Each code has its own.
     */
    val number: Long? = null,

    /**
     * The id of the request in the server's log, if the server or the SMS provider is at fault.
     * Report it to the operator.
     */
    val requestId: String? = null,

    /**
     * After how many seconds to retry. If the mutation is the only field of the request, the
     * header `Retry-After` has the
     * same number.
     */
    val retryAfterSeconds: Long? = null,

    /**
     * The earliest time at which a retry can succeed, with every problem that has
     * `retryAfterSeconds`.
     */
    val retryAt: String? = null
)

@Serializable
data class MeResponse (
    val data: MeData? = null,
    val errors: List<GraphQlError>? = null
)

@Serializable
data class MeData (
    /**
     * The user who is signed in. Null if the request has no access token; an error if its token
     * is invalid or expired.
     */
    val me: User? = null
)

/**
 * The refresh token of a session. In cookie mode it is in a cookie, and this input can be
 * left out.
 */
@Serializable
data class RefreshSessionInput (
    /**
     * A random string of 16 to 128 characters, a new one for each refresh. Until the new
     * refresh token is used, repeating
     * the request with the same key returns the same new refresh token.
     */
    val idempotencyKey: String? = null,

    /**
     * The latest refresh token that the client received, from `login` or `refreshSession`.
     * Required, except in cookie mode.
     */
    val refreshToken: String? = null
)

@Serializable
data class RefreshSessionResponse (
    val data: RefreshSessionData? = null,
    val errors: List<GraphQlError>? = null
)

@Serializable
data class RefreshSessionData (
    /**
     * Exchanges a refresh token for a new refresh token and a new access token. A refresh token
     * is valid once. Reusing
     * an older token ends the session. For a few seconds, the immediately preceding token
     * returns the same new refresh
     * token instead.
     */
    val refreshSession: RefreshSessionResult? = null
)

/**
 * Exchanges a refresh token for a new refresh token and a new access token. A refresh token
 * is valid once. Reusing
 * an older token ends the session. For a few seconds, the immediately preceding token
 * returns the same new refresh
 * token instead.
 *
 * The result of `refreshSession`.
 */
@Serializable
data class RefreshSessionResult (
    /**
     * A JWT for the header `Authorization: Bearer <token>`.
     */
    val accessToken: String? = null,

    /**
     * When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
     */
    val accessTokenExpiresAt: String? = null,

    /**
     * How many attempts this code has left, with `CODE_INCORRECT`.
     */
    val attemptsRemaining: Long? = null,

    /**
     * The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
     */
    val captchaAppId: String? = null,

    /**
     * The kind of failure. Choose the text for your users by it.
     */
    val code: ErrorCode? = null,

    /**
     * The path of the argument that is wrong, such as `input.phone`.
     */
    val field: String? = null,

    /**
     * The rate limit that rejected the request, with `RATE_LIMITED`.
     */
    val limit: RateLimit? = null,

    /**
     * One English sentence for developers. Show your users your own text instead.
     */
    val message: String? = null,

    /**
     * The numeric code, such as -1102. Each code has its own.
     */
    val number: Long? = null,

    /**
     * The next refresh token. Replace the old one with it: the old one must not be used again.
     * Empty in cookie mode.
     */
    val refreshToken: String? = null,

    /**
     * When the refresh token expires, and with it the session.
     */
    val refreshTokenExpiresAt: String? = null,

    /**
     * The id of the request in the server's log, if the server or the SMS provider is at fault.
     * Report it to the operator.
     */
    val requestId: String? = null,

    /**
     * After how many seconds to retry. If the mutation is the only field of the request, the
     * header `Retry-After` has the
     * same number.
     */
    val retryAfterSeconds: Long? = null,

    /**
     * The earliest time at which a retry can succeed, with every problem that has
     * `retryAfterSeconds`.
     */
    val retryAt: String? = null,

    /**
     * The user of the session.
     */
    val user: User? = null
)

/**
 * The phone that gets a code, and the purpose of the code.
 */
@Serializable
data class RequestCodeInput (
    /**
     * The hash of an Android app that reads the code from the SMS with the SMS Retriever API:
     * 11 characters. The SMS contains
     * it if the server's template has a place for it.
     */
    val appHash: String? = null,

    /**
     * The result of a captcha. Send it after a `CAPTCHA_REQUIRED` error.
     */
    val captcha: CAPTCHAInput? = null,

    /**
     * The way in which the code reaches the phone. A call can only follow an SMS: `VOICE` needs
     * the challenge of the SMS in
     * `resendOf`, so offer it to users whose SMS has not arrived.
     */
    val channel: CodeChannel? = null,

    /**
     * The `deviceToken` that `login` returned on this device for this phone. Such a device has
     * its own rate limits, which
     * nobody else can use up. Every other text has no effect.
     */
    val deviceToken: String? = null,

    /**
     * A random text of 16 to 128 characters, such as a UUID. Use the same one again if the
     * answer was lost: while the code is
     * valid, the server repeats its answer and sends no second SMS. The other arguments must be
     * the same.
     */
    val idempotencyKey: String? = null,

    /**
     * The user's language as a BCP 47 tag, such as `zh-CN`; it chooses the text of the SMS.
     * Without it, the `Accept-Language`
     * header of the request decides.
     */
    val locale: String? = null,

    /**
     * The phone that gets the code. For `CHANGE_PHONE` it is the new phone. For
     * `REAUTHENTICATE` and `DELETE_ACCOUNT` it must
     * be the account's own phone, and can be left out. All other purposes require it.
     */
    val phone: String? = null,

    /**
     * What the client will use the code for. The code is valid for this purpose only.
     */
    val purpose: CodePurpose? = null,

    /**
     * The transaction that the user confirms, such as `transfer:9981`. It is copied into the
     * proof. Only for `VERIFY`;
     * 1 to 128 characters without control characters.
     */
    val reference: String? = null,

    /**
     * The challenge that this request replaces, because its SMS has not arrived. Its id is void
     * then, and its code is accepted
     * with the new id until it expires. Ignored if that challenge is not valid any more, or has
     * another phone, purpose or
     * reference.
     */
    val resendOf: String? = null
)

/**
 * The result that Tencent Captcha's client library returns when the user has passed the
 * captcha.
 */
@Serializable
data class CAPTCHAInput (
    /**
     * The `randstr` of the result. The captcha of a mini-program has none, so leave it out
     * there.
     */
    val randstr: String? = null,

    /**
     * The `ticket` of the result.
     */
    val ticket: String
)

/**
 * The way in which the code reaches the phone. A call can only follow an SMS: `VOICE` needs
 * the challenge of the SMS in
 * `resendOf`, so offer it to users whose SMS has not arrived.
 *
 * The way in which a code reaches the phone.
 */
@Serializable
enum class CodeChannel(val value: String) {
    @SerialName("SMS") SMS("SMS"),
    @SerialName("VOICE") Voice("VOICE");
}

/**
 * What the client will use the code for. The code is valid for this purpose only.
 *
 * What a code can be used for. A code issued for one purpose is rejected for every other.
 */
@Serializable
enum class CodePurpose(val value: String) {
    @SerialName("CHANGE_PHONE") ChangePhone("CHANGE_PHONE"),
    @SerialName("DELETE_ACCOUNT") DeleteAccount("DELETE_ACCOUNT"),
    @SerialName("LOGIN") Login("LOGIN"),
    @SerialName("REAUTHENTICATE") Reauthenticate("REAUTHENTICATE"),
    @SerialName("VERIFY") Verify("VERIFY");
}

@Serializable
data class RequestCodeResponse (
    val data: RequestCodeData? = null,
    val errors: List<GraphQlError>? = null
)

@Serializable
data class RequestCodeData (
    /**
     * Sends a one-time code of six digits by SMS. Send the code back with its `challengeId`: to
     * `login`, or to the
     * mutation of its purpose.
     */
    val requestCode: RequestCodeResult? = null
)

/**
 * Sends a one-time code of six digits by SMS. Send the code back with its `challengeId`: to
 * `login`, or to the
 * mutation of its purpose.
 *
 * The result of `requestCode`.
 */
@Serializable
data class RequestCodeResult (
    /**
     * How many attempts this code has left, with `CODE_INCORRECT`.
     */
    val attemptsRemaining: Long? = null,

    /**
     * The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
     */
    val captchaAppId: String? = null,

    /**
     * The id of this challenge. Keep it, and send it together with the code.
     */
    val challengeId: String? = null,

    /**
     * The kind of failure. Choose the text for your users by it.
     */
    val code: ErrorCode? = null,

    /**
     * The number of digits in the code, for the input field.
     */
    val codeLength: Long? = null,

    /**
     * When the code expires. From then on, it is rejected with `CODE_EXPIRED`.
     */
    val expiresAt: String? = null,

    /**
     * The path of the argument that is wrong, such as `input.phone`.
     */
    val field: String? = null,

    /**
     * The rate limit that rejected the request, with `RATE_LIMITED`.
     */
    val limit: RateLimit? = null,

    /**
     * One English sentence for developers. Show your users your own text instead.
     */
    val message: String? = null,

    /**
     * The numeric code, such as -1102. Each code has its own.
     */
    val number: Long? = null,

    /**
     * The id of the request in the server's log, if the server or the SMS provider is at fault.
     * Report it to the operator.
     */
    val requestId: String? = null,

    /**
     * The earliest time at which this phone can be sent another code. If no send is left today,
     * this is the start of
     * tomorrow. Requests before this time fail with `RATE_LIMITED`.
     */
    val resendAt: String? = null,

    /**
     * After how many seconds to retry. If the mutation is the only field of the request, the
     * header `Retry-After` has the
     * same number.
     */
    val retryAfterSeconds: Long? = null,

    /**
     * The earliest time at which a retry can succeed, with every problem that has
     * `retryAfterSeconds`.
     */
    val retryAt: String? = null,

    /**
     * How many more codes can be sent to this phone today. Null if the server has no daily
     * limit.
     */
    val sendsRemaining: Long? = null
)

/**
 * The fields of the profile to change. A field that is absent or null stays unchanged.
 */
@Serializable
data class UpdateProfileInput (
    /**
     * The `https` URL of the user's picture, at most 512 characters. An empty text replaces the
     * picture by one of those that new
     * users get.
     */
    val avatar: String? = null,

    /**
     * The user's name: at most 32 characters (extended grapheme clusters), without control
     * characters. An empty text removes the
     * name.
     */
    val name: String? = null
)

@Serializable
data class UpdateProfileResponse (
    val data: UpdateProfileData? = null,
    val errors: List<GraphQlError>? = null
)

@Serializable
data class UpdateProfileData (
    /**
     * Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs
     * sign-in.
     */
    val updateProfile: UpdateProfileResult? = null
)

/**
 * Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs
 * sign-in.
 *
 * The result of `updateProfile`.
 */
@Serializable
data class UpdateProfileResult (
    /**
     * How many attempts this code has left, with `CODE_INCORRECT`.
     */
    val attemptsRemaining: Long? = null,

    /**
     * The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
     */
    val captchaAppId: String? = null,

    /**
     * The kind of failure. Choose the text for your users by it.
     */
    val code: ErrorCode? = null,

    /**
     * The path of the argument that is wrong, such as `input.phone`.
     */
    val field: String? = null,

    /**
     * The rate limit that rejected the request, with `RATE_LIMITED`.
     */
    val limit: RateLimit? = null,

    /**
     * One English sentence for developers. Show your users your own text instead.
     */
    val message: String? = null,

    /**
     * The numeric code, such as -1102. Each code has its own.
     */
    val number: Long? = null,

    /**
     * The id of the request in the server's log, if the server or the SMS provider is at fault.
     * Report it to the operator.
     */
    val requestId: String? = null,

    /**
     * After how many seconds to retry. If the mutation is the only field of the request, the
     * header `Retry-After` has the
     * same number.
     */
    val retryAfterSeconds: Long? = null,

    /**
     * The earliest time at which a retry can succeed, with every problem that has
     * `retryAfterSeconds`.
     */
    val retryAt: String? = null,

    /**
     * The user with the new values.
     */
    val user: User? = null
)

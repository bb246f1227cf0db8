// This file was generated from JSON Schema using quicktype, do not modify it directly.
// To parse the JSON, add this file to your project and do:
//
//   let operations = try? JSONDecoder().decode(Operations.self, from: jsonData)

import Foundation

// MARK: - Operations
struct Operations: Codable, Sendable {
    var loginInput: LoginInput?
    var loginResponse: LoginResponse?
    var logoutInput: LogoutInput?
    var logoutResponse: LogoutResponse?
    var meResponse: MeResponse?
    var refreshSessionInput: RefreshSessionInput?
    var refreshSessionResponse: RefreshSessionResponse?
    var requestCodeInput: RequestCodeInput?
    var requestCodeResponse: RequestCodeResponse?
    var updateProfileInput: UpdateProfileInput?
    var updateProfileResponse: UpdateProfileResponse?

    enum CodingKeys: String, CodingKey {
        case loginInput = "LoginInput"
        case loginResponse = "LoginResponse"
        case logoutInput = "LogoutInput"
        case logoutResponse = "LogoutResponse"
        case meResponse = "MeResponse"
        case refreshSessionInput = "RefreshSessionInput"
        case refreshSessionResponse = "RefreshSessionResponse"
        case requestCodeInput = "RequestCodeInput"
        case requestCodeResponse = "RequestCodeResponse"
        case updateProfileInput = "UpdateProfileInput"
        case updateProfileResponse = "UpdateProfileResponse"
    }
}

/// The phone, the code from its SMS and the `challengeId` from `requestCode`.
// MARK: - LoginInput
struct LoginInput: Codable, Sendable {
    /// The `challengeId` that `requestCode` returned for this code. Every other one fails with
    /// `CHALLENGE_MISMATCH`.
    var challengeId: String
    /// The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt.
    var code: String
    /// A name for the device in the user's list of sessions, such as `Anna's phone`; 1 to 64
    /// characters.
    var deviceName: String?
    /// The `deviceToken` of an earlier `login` on this device for this phone. Such a device has
    /// its own rate limits, and the
    /// new token is for the same device. Every other text has no effect.
    var deviceToken: String?
    /// A random string of 16 to 128 characters. For two minutes, and until the session is
    /// refreshed or ends, repeating the
    /// request with the same key returns the same session.
    var idempotencyKey: String?
    /// The phone that received the code.
    var phone: String

    enum CodingKeys: String, CodingKey {
        case challengeId = "challengeId"
        case code = "code"
        case deviceName = "deviceName"
        case deviceToken = "deviceToken"
        case idempotencyKey = "idempotencyKey"
        case phone = "phone"
    }
}

// MARK: - LoginResponse
struct LoginResponse: Codable, Sendable {
    var data: LoginData?
    var errors: [GraphQlError]?

    enum CodingKeys: String, CodingKey {
        case data = "data"
        case errors = "errors"
    }
}

// MARK: - LoginData
struct LoginData: Codable, Sendable {
    /// Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this
    /// creates one.
    var login: LoginResult?

    enum CodingKeys: String, CodingKey {
        case login = "login"
    }
}

/// Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this
/// creates one.
///
/// The result of `login`.
// MARK: - LoginResult
struct LoginResult: Codable, Sendable {
    /// A JWT for the header `Authorization: Bearer <token>`.
    var accessToken: String?
    /// When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
    var accessTokenExpiresAt: String?
    /// How many attempts this code has left, with `CODE_INCORRECT`.
    var attemptsRemaining: Int?
    /// The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    var captchaAppId: String?
    /// The kind of failure. Choose the text for your users by it.
    var code: ErrorCode?
    /// An opaque token that proves that this device once signed in with the phone. Keep it after
    /// the session has ended, and
    /// send it with later requests: the device has its own quota then. It grants no access.
    /// Empty in cookie mode.
    var deviceToken: String?
    /// The path of the argument that is wrong, such as `input.phone`.
    var field: String?
    /// Whether this sign-in created the account.
    var isNewUser: Bool?
    /// The rate limit that rejected the request, with `RATE_LIMITED`.
    var limit: RateLimit?
    /// One English sentence for developers. Show your users your own text instead.
    var message: String?
    /// The numeric code, such as -1102. Each code has its own.
    var number: Int?
    /// An opaque token that `refreshSession` exchanges, once, for new tokens. Store it where
    /// only the app can read it. Empty
    /// in cookie mode.
    var refreshToken: String?
    /// When the refresh token expires, and with it the session.
    var refreshTokenExpiresAt: String?
    /// The id of the request in the server's log, if the server or the SMS provider is at fault.
    /// Report it to the operator.
    var requestId: String?
    /// After how many seconds to retry. If the mutation is the only field of the request, the
    /// header `Retry-After` has the
    /// same number.
    var retryAfterSeconds: Int?
    /// The earliest time at which a retry can succeed, with every problem that has
    /// `retryAfterSeconds`.
    var retryAt: String?
    /// The user who signed in.
    var user: User?

    enum CodingKeys: String, CodingKey {
        case accessToken = "accessToken"
        case accessTokenExpiresAt = "accessTokenExpiresAt"
        case attemptsRemaining = "attemptsRemaining"
        case captchaAppId = "captchaAppId"
        case code = "code"
        case deviceToken = "deviceToken"
        case field = "field"
        case isNewUser = "isNewUser"
        case limit = "limit"
        case message = "message"
        case number = "number"
        case refreshToken = "refreshToken"
        case refreshTokenExpiresAt = "refreshTokenExpiresAt"
        case requestId = "requestId"
        case retryAfterSeconds = "retryAfterSeconds"
        case retryAt = "retryAt"
        case user = "user"
    }
}

/// The kind of failure. Choose the text for your users by it.
///
/// The codes of failures: `code` of a `Problem`, and `extensions.code` of a GraphQL error,
/// whose `extensions.errorCode` has
/// the number.
enum ErrorCode: String, Codable, Sendable {
    case accountDisabled = "ACCOUNT_DISABLED"
    case badInput = "BAD_INPUT"
    case captchaFailed = "CAPTCHA_FAILED"
    case captchaRequired = "CAPTCHA_REQUIRED"
    case challengeMismatch = "CHALLENGE_MISMATCH"
    case codeExpired = "CODE_EXPIRED"
    case codeIncorrect = "CODE_INCORRECT"
    case errorCodeInternal = "INTERNAL"
    case invalidPhone = "INVALID_PHONE"
    case numberBlocked = "NUMBER_BLOCKED"
    case phoneTaken = "PHONE_TAKEN"
    case queryTooComplex = "QUERY_TOO_COMPLEX"
    case rateLimited = "RATE_LIMITED"
    case reauthenticationRequired = "REAUTHENTICATION_REQUIRED"
    case regionNotAllowed = "REGION_NOT_ALLOWED"
    case signupFailed = "SIGNUP_FAILED"
    case smsSendFailed = "SMS_SEND_FAILED"
    case tokenExpired = "TOKEN_EXPIRED"
    case tokenInvalid = "TOKEN_INVALID"
    case unauthenticated = "UNAUTHENTICATED"
    case unavailable = "UNAVAILABLE"
}

/// A rate limit that can reject a request.
enum RateLimit: String, Codable, Sendable {
    case cooldown = "COOLDOWN"
    case failedAttempts = "FAILED_ATTEMPTS"
    case ipAttempts = "IP_ATTEMPTS"
    case ipDaily = "IP_DAILY"
    case ipHourly = "IP_HOURLY"
    case phoneDaily = "PHONE_DAILY"
    case provider = "PROVIDER"
    case rateLimitGuard = "GUARD"
    case spendDaily = "SPEND_DAILY"
    case totalDaily = "TOTAL_DAILY"
}

/// The user who signed in.
///
/// A user with an account.
///
/// The user of the session.
///
/// The user with the new values.
// MARK: - User
struct User: Codable, Sendable {
    /// The URL of the user's picture. Until the user sets one, it is a random default picture.
    var avatar: String
    /// When the user signed up.
    var createdAt: String
    /// A UUIDv7, which never changes.
    var id: String
    /// When the user last signed in with a code. Null for every other user than the one who is
    /// signed in.
    var lastLoginAt: String?
    /// The user's name. Empty until the user sets one.
    var name: String
    /// The user's phone. Null for every other user than the one who is signed in.
    var phone: String?
    /// The user's active sessions, the most recently used first, at most 100. Null for every
    /// other user than
    /// the one who is signed in.
    var sessions: [Session]?

    enum CodingKeys: String, CodingKey {
        case avatar = "avatar"
        case createdAt = "createdAt"
        case id = "id"
        case lastLoginAt = "lastLoginAt"
        case name = "name"
        case phone = "phone"
        case sessions = "sessions"
    }
}

/// A session: a device on which the user is signed in.
// MARK: - Session
struct Session: Codable, Sendable {
    /// When the user signed in.
    var createdAt: String
    /// Whether this is the session of the request's access token.
    var current: Bool
    /// The name of the device from `login`. Null if the client sent no name.
    var deviceName: String?
    /// When the session ends if it is not refreshed before.
    var expiresAt: String
    /// The id of the session, which `logout` accepts. It is also the `sid` claim of the
    /// session's access tokens.
    var id: String
    /// The client address of the sign-in, or of the last refresh if there was one.
    var lastAddress: String
    /// When the session was last refreshed, or created if it was never refreshed.
    var lastUsedAt: String

    enum CodingKeys: String, CodingKey {
        case createdAt = "createdAt"
        case current = "current"
        case deviceName = "deviceName"
        case expiresAt = "expiresAt"
        case id = "id"
        case lastAddress = "lastAddress"
        case lastUsedAt = "lastUsedAt"
    }
}

/// A failure that is not a problem, such as an expired access token.
// MARK: - GraphQlError
struct GraphQlError: Codable, Sendable {
    var extensions: GraphQlErrorExtensions?
    var message: String

    enum CodingKeys: String, CodingKey {
        case extensions = "extensions"
        case message = "message"
    }
}

// MARK: - GraphQlErrorExtensions
struct GraphQlErrorExtensions: Codable, Sendable {
    /// An `ErrorCode`, or `GRAPHQL_PARSE_FAILED` or `GRAPHQL_VALIDATION_FAILED`.
    var code: String
    var errorCode: Int
    var requestId: String?
    var retryAfterSeconds: Int?

    enum CodingKeys: String, CodingKey {
        case code = "code"
        case errorCode = "errorCode"
        case requestId = "requestId"
        case retryAfterSeconds = "retryAfterSeconds"
    }
}

/// The sessions to end. Without either field, only the session of the access token ends.
// MARK: - LogoutInput
struct LogoutInput: Codable, Sendable {
    /// Whether to end all sessions of the user, including the current one. If true, `sessionIds`
    /// is ignored.
    var everywhere: Bool?
    /// The ids of the sessions to end, at most 100; more fail with `BAD_INPUT`. Sessions of
    /// other users are ignored.
    var sessionIds: [String]?

    enum CodingKeys: String, CodingKey {
        case everywhere = "everywhere"
        case sessionIds = "sessionIds"
    }
}

// MARK: - LogoutResponse
struct LogoutResponse: Codable, Sendable {
    var data: LogoutData?
    var errors: [GraphQlError]?

    enum CodingKeys: String, CodingKey {
        case data = "data"
        case errors = "errors"
    }
}

// MARK: - LogoutData
struct LogoutData: Codable, Sendable {
    /// Ends the current session, the given sessions, or all sessions. Their access tokens are
    /// rejected immediately.
    /// Needs sign-in; in cookie mode, the refresh cookie is enough.
    var logout: LogoutResult?

    enum CodingKeys: String, CodingKey {
        case logout = "logout"
    }
}

/// Ends the current session, the given sessions, or all sessions. Their access tokens are
/// rejected immediately.
/// Needs sign-in; in cookie mode, the refresh cookie is enough.
///
/// The result of `logout`.
// MARK: - LogoutResult
struct LogoutResult: Codable, Sendable {
    /// How many attempts this code has left, with `CODE_INCORRECT`.
    var attemptsRemaining: Int?
    /// The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    var captchaAppId: String?
    /// The kind of failure. Choose the text for your users by it.
    var code: ErrorCode?
    /// How many active sessions were ended.
    var endedSessions: Int?
    /// The path of the argument that is wrong, such as `input.phone`.
    var field: String?
    /// The rate limit that rejected the request, with `RATE_LIMITED`.
    var limit: RateLimit?
    /// One English sentence for developers. Show your users your own text instead.
    var message: String?
    /// The numeric code, such as -1102. Each code has its own.
    var number: Int?
    /// The id of the request in the server's log, if the server or the SMS provider is at fault.
    /// Report it to the operator.
    var requestId: String?
    /// After how many seconds to retry. If the mutation is the only field of the request, the
    /// header `Retry-After` has the
    /// same number.
    var retryAfterSeconds: Int?
    /// The earliest time at which a retry can succeed, with every problem that has
    /// `retryAfterSeconds`.
    var retryAt: String?

    enum CodingKeys: String, CodingKey {
        case attemptsRemaining = "attemptsRemaining"
        case captchaAppId = "captchaAppId"
        case code = "code"
        case endedSessions = "endedSessions"
        case field = "field"
        case limit = "limit"
        case message = "message"
        case number = "number"
        case requestId = "requestId"
        case retryAfterSeconds = "retryAfterSeconds"
        case retryAt = "retryAt"
    }
}

// MARK: - MeResponse
struct MeResponse: Codable, Sendable {
    var data: MeData?
    var errors: [GraphQlError]?

    enum CodingKeys: String, CodingKey {
        case data = "data"
        case errors = "errors"
    }
}

// MARK: - MeData
struct MeData: Codable, Sendable {
    /// The user who is signed in. Null if the request has no access token; an error if its token
    /// is invalid or expired.
    var me: User?

    enum CodingKeys: String, CodingKey {
        case me = "me"
    }
}

/// The refresh token of a session. In cookie mode it is in a cookie, and this input can be
/// left out.
// MARK: - RefreshSessionInput
struct RefreshSessionInput: Codable, Sendable {
    /// A random string of 16 to 128 characters, a new one for each refresh. Until the new
    /// refresh token is used, repeating
    /// the request with the same key returns the same new refresh token.
    var idempotencyKey: String?
    /// The latest refresh token that the client received, from `login` or `refreshSession`.
    /// Required, except in cookie mode.
    var refreshToken: String?

    enum CodingKeys: String, CodingKey {
        case idempotencyKey = "idempotencyKey"
        case refreshToken = "refreshToken"
    }
}

// MARK: - RefreshSessionResponse
struct RefreshSessionResponse: Codable, Sendable {
    var data: RefreshSessionData?
    var errors: [GraphQlError]?

    enum CodingKeys: String, CodingKey {
        case data = "data"
        case errors = "errors"
    }
}

// MARK: - RefreshSessionData
struct RefreshSessionData: Codable, Sendable {
    /// Exchanges a refresh token for a new refresh token and a new access token. A refresh token
    /// is valid once. Reusing
    /// an older token ends the session. For a few seconds, the immediately preceding token
    /// returns the same new refresh
    /// token instead.
    var refreshSession: RefreshSessionResult?

    enum CodingKeys: String, CodingKey {
        case refreshSession = "refreshSession"
    }
}

/// Exchanges a refresh token for a new refresh token and a new access token. A refresh token
/// is valid once. Reusing
/// an older token ends the session. For a few seconds, the immediately preceding token
/// returns the same new refresh
/// token instead.
///
/// The result of `refreshSession`.
// MARK: - RefreshSessionResult
struct RefreshSessionResult: Codable, Sendable {
    /// A JWT for the header `Authorization: Bearer <token>`.
    var accessToken: String?
    /// When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`.
    var accessTokenExpiresAt: String?
    /// How many attempts this code has left, with `CODE_INCORRECT`.
    var attemptsRemaining: Int?
    /// The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    var captchaAppId: String?
    /// The kind of failure. Choose the text for your users by it.
    var code: ErrorCode?
    /// The path of the argument that is wrong, such as `input.phone`.
    var field: String?
    /// The rate limit that rejected the request, with `RATE_LIMITED`.
    var limit: RateLimit?
    /// One English sentence for developers. Show your users your own text instead.
    var message: String?
    /// The numeric code, such as -1102. Each code has its own.
    var number: Int?
    /// The next refresh token. Replace the old one with it: the old one must not be used again.
    /// Empty in cookie mode.
    var refreshToken: String?
    /// When the refresh token expires, and with it the session.
    var refreshTokenExpiresAt: String?
    /// The id of the request in the server's log, if the server or the SMS provider is at fault.
    /// Report it to the operator.
    var requestId: String?
    /// After how many seconds to retry. If the mutation is the only field of the request, the
    /// header `Retry-After` has the
    /// same number.
    var retryAfterSeconds: Int?
    /// The earliest time at which a retry can succeed, with every problem that has
    /// `retryAfterSeconds`.
    var retryAt: String?
    /// The user of the session.
    var user: User?

    enum CodingKeys: String, CodingKey {
        case accessToken = "accessToken"
        case accessTokenExpiresAt = "accessTokenExpiresAt"
        case attemptsRemaining = "attemptsRemaining"
        case captchaAppId = "captchaAppId"
        case code = "code"
        case field = "field"
        case limit = "limit"
        case message = "message"
        case number = "number"
        case refreshToken = "refreshToken"
        case refreshTokenExpiresAt = "refreshTokenExpiresAt"
        case requestId = "requestId"
        case retryAfterSeconds = "retryAfterSeconds"
        case retryAt = "retryAt"
        case user = "user"
    }
}

/// The phone that gets a code, and the purpose of the code.
// MARK: - RequestCodeInput
struct RequestCodeInput: Codable, Sendable {
    /// The hash of an Android app that reads the code from the SMS with the SMS Retriever API:
    /// 11 characters. The SMS contains
    /// it if the server's template has a place for it.
    var appHash: String?
    /// The result of a captcha. Send it after a `CAPTCHA_REQUIRED` error.
    var captcha: CAPTCHAInput?
    /// The way in which the code reaches the phone. A call can only follow an SMS: `VOICE` needs
    /// the challenge of the SMS in
    /// `resendOf`, so offer it to users whose SMS has not arrived.
    var channel: CodeChannel?
    /// The `deviceToken` that `login` returned on this device for this phone. Such a device has
    /// its own rate limits, which
    /// nobody else can use up. Every other text has no effect.
    var deviceToken: String?
    /// A random text of 16 to 128 characters, such as a UUID. Use the same one again if the
    /// answer was lost: while the code is
    /// valid, the server repeats its answer and sends no second SMS. The other arguments must be
    /// the same.
    var idempotencyKey: String?
    /// The user's language as a BCP 47 tag, such as `zh-CN`; it chooses the text of the SMS.
    /// Without it, the `Accept-Language`
    /// header of the request decides.
    var locale: String?
    /// The phone that gets the code. For `CHANGE_PHONE` it is the new phone. For
    /// `REAUTHENTICATE` and `DELETE_ACCOUNT` it must
    /// be the account's own phone, and can be left out. All other purposes require it.
    var phone: String?
    /// What the client will use the code for. The code is valid for this purpose only.
    var purpose: CodePurpose?
    /// The transaction that the user confirms, such as `transfer:9981`. It is copied into the
    /// proof. Only for `VERIFY`;
    /// 1 to 128 characters without control characters.
    var reference: String?
    /// The challenge that this request replaces, because its SMS has not arrived. Its id is void
    /// then, and its code is accepted
    /// with the new id until it expires. Ignored if that challenge is not valid any more, or has
    /// another phone, purpose or
    /// reference.
    var resendOf: String?

    enum CodingKeys: String, CodingKey {
        case appHash = "appHash"
        case captcha = "captcha"
        case channel = "channel"
        case deviceToken = "deviceToken"
        case idempotencyKey = "idempotencyKey"
        case locale = "locale"
        case phone = "phone"
        case purpose = "purpose"
        case reference = "reference"
        case resendOf = "resendOf"
    }
}

/// The result that Tencent Captcha's client library returns when the user has passed the
/// captcha.
// MARK: - CAPTCHAInput
struct CAPTCHAInput: Codable, Sendable {
    /// The `randstr` of the result. The captcha of a mini-program has none, so leave it out
    /// there.
    var randstr: String?
    /// The `ticket` of the result.
    var ticket: String

    enum CodingKeys: String, CodingKey {
        case randstr = "randstr"
        case ticket = "ticket"
    }
}

/// The way in which the code reaches the phone. A call can only follow an SMS: `VOICE` needs
/// the challenge of the SMS in
/// `resendOf`, so offer it to users whose SMS has not arrived.
///
/// The way in which a code reaches the phone.
enum CodeChannel: String, Codable, Sendable {
    case sms = "SMS"
    case voice = "VOICE"
}

/// What the client will use the code for. The code is valid for this purpose only.
///
/// What a code can be used for. A code issued for one purpose is rejected for every other.
enum CodePurpose: String, Codable, Sendable {
    case changePhone = "CHANGE_PHONE"
    case deleteAccount = "DELETE_ACCOUNT"
    case login = "LOGIN"
    case reauthenticate = "REAUTHENTICATE"
    case verify = "VERIFY"
}

// MARK: - RequestCodeResponse
struct RequestCodeResponse: Codable, Sendable {
    var data: RequestCodeData?
    var errors: [GraphQlError]?

    enum CodingKeys: String, CodingKey {
        case data = "data"
        case errors = "errors"
    }
}

// MARK: - RequestCodeData
struct RequestCodeData: Codable, Sendable {
    /// Sends a one-time code of six digits by SMS. Send the code back with its `challengeId`: to
    /// `login`, or to the
    /// mutation of its purpose.
    var requestCode: RequestCodeResult?

    enum CodingKeys: String, CodingKey {
        case requestCode = "requestCode"
    }
}

/// Sends a one-time code of six digits by SMS. Send the code back with its `challengeId`: to
/// `login`, or to the
/// mutation of its purpose.
///
/// The result of `requestCode`.
// MARK: - RequestCodeResult
struct RequestCodeResult: Codable, Sendable {
    /// How many attempts this code has left, with `CODE_INCORRECT`.
    var attemptsRemaining: Int?
    /// The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    var captchaAppId: String?
    /// The id of this challenge. Keep it, and send it together with the code.
    var challengeId: String?
    /// The kind of failure. Choose the text for your users by it.
    var code: ErrorCode?
    /// The number of digits in the code, for the input field.
    var codeLength: Int?
    /// When the code expires. From then on, it is rejected with `CODE_EXPIRED`.
    var expiresAt: String?
    /// The path of the argument that is wrong, such as `input.phone`.
    var field: String?
    /// The rate limit that rejected the request, with `RATE_LIMITED`.
    var limit: RateLimit?
    /// One English sentence for developers. Show your users your own text instead.
    var message: String?
    /// The numeric code, such as -1102. Each code has its own.
    var number: Int?
    /// The id of the request in the server's log, if the server or the SMS provider is at fault.
    /// Report it to the operator.
    var requestId: String?
    /// The earliest time at which this phone can be sent another code. If no send is left today,
    /// this is the start of
    /// tomorrow. Requests before this time fail with `RATE_LIMITED`.
    var resendAt: String?
    /// After how many seconds to retry. If the mutation is the only field of the request, the
    /// header `Retry-After` has the
    /// same number.
    var retryAfterSeconds: Int?
    /// The earliest time at which a retry can succeed, with every problem that has
    /// `retryAfterSeconds`.
    var retryAt: String?
    /// How many more codes can be sent to this phone today. Null if the server has no daily
    /// limit.
    var sendsRemaining: Int?

    enum CodingKeys: String, CodingKey {
        case attemptsRemaining = "attemptsRemaining"
        case captchaAppId = "captchaAppId"
        case challengeId = "challengeId"
        case code = "code"
        case codeLength = "codeLength"
        case expiresAt = "expiresAt"
        case field = "field"
        case limit = "limit"
        case message = "message"
        case number = "number"
        case requestId = "requestId"
        case resendAt = "resendAt"
        case retryAfterSeconds = "retryAfterSeconds"
        case retryAt = "retryAt"
        case sendsRemaining = "sendsRemaining"
    }
}

/// The fields of the profile to change. A field that is absent or null stays unchanged.
// MARK: - UpdateProfileInput
struct UpdateProfileInput: Codable, Sendable {
    /// The `https` URL of the user's picture, at most 512 characters. An empty text replaces the
    /// picture by one of those that new
    /// users get.
    var avatar: String?
    /// The user's name: at most 32 characters (extended grapheme clusters), without control
    /// characters. An empty text removes the
    /// name.
    var name: String?

    enum CodingKeys: String, CodingKey {
        case avatar = "avatar"
        case name = "name"
    }
}

// MARK: - UpdateProfileResponse
struct UpdateProfileResponse: Codable, Sendable {
    var data: UpdateProfileData?
    var errors: [GraphQlError]?

    enum CodingKeys: String, CodingKey {
        case data = "data"
        case errors = "errors"
    }
}

// MARK: - UpdateProfileData
struct UpdateProfileData: Codable, Sendable {
    /// Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs
    /// sign-in.
    var updateProfile: UpdateProfileResult?

    enum CodingKeys: String, CodingKey {
        case updateProfile = "updateProfile"
    }
}

/// Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs
/// sign-in.
///
/// The result of `updateProfile`.
// MARK: - UpdateProfileResult
struct UpdateProfileResult: Codable, Sendable {
    /// How many attempts this code has left, with `CODE_INCORRECT`.
    var attemptsRemaining: Int?
    /// The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`.
    var captchaAppId: String?
    /// The kind of failure. Choose the text for your users by it.
    var code: ErrorCode?
    /// The path of the argument that is wrong, such as `input.phone`.
    var field: String?
    /// The rate limit that rejected the request, with `RATE_LIMITED`.
    var limit: RateLimit?
    /// One English sentence for developers. Show your users your own text instead.
    var message: String?
    /// The numeric code, such as -1102. Each code has its own.
    var number: Int?
    /// The id of the request in the server's log, if the server or the SMS provider is at fault.
    /// Report it to the operator.
    var requestId: String?
    /// After how many seconds to retry. If the mutation is the only field of the request, the
    /// header `Retry-After` has the
    /// same number.
    var retryAfterSeconds: Int?
    /// The earliest time at which a retry can succeed, with every problem that has
    /// `retryAfterSeconds`.
    var retryAt: String?
    /// The user with the new values.
    var user: User?

    enum CodingKeys: String, CodingKey {
        case attemptsRemaining = "attemptsRemaining"
        case captchaAppId = "captchaAppId"
        case code = "code"
        case field = "field"
        case limit = "limit"
        case message = "message"
        case number = "number"
        case requestId = "requestId"
        case retryAfterSeconds = "retryAfterSeconds"
        case retryAt = "retryAt"
        case user = "user"
    }
}

// Generated from schema.graphql by `npm run generate`. Do not edit.

const Profile =
  'fragment Profile on User{id name avatar phone createdAt lastLoginAt}';
const Failure =
  'fragment Failure on Problem{code message field attemptsRemaining limit retryAfterSeconds captchaAppId requestId}';

export const Me =
  'query Me{me{...Profile}}' + Profile;

export const Sessions =
  'query Sessions{me{sessions{id deviceName lastAddress createdAt lastUsedAt expiresAt current}}}';

export const Delivery =
  'query Delivery($id:ID!){codeDelivery(challengeId:$id){status reason}}';

export const DeliveryChanges =
  'subscription DeliveryChanges($id:ID!){codeDelivery(challengeId:$id){status reason}}';

export const RequestCode =
  'mutation RequestCode($input:RequestCodeInput!){requestCode(input:$input){...on RequestCodePayload{challengeId expiresAt resendAt sendsRemaining codeLength}...Failure}}' + Failure;

export const Login =
  'mutation Login($input:LoginInput!){login(input:$input){...on LoginPayload{accessToken accessTokenExpiresAt refreshToken deviceToken isNewUser user{...Profile}}...Failure}}' + Profile + Failure;

export const Refresh =
  'mutation Refresh($input:RefreshSessionInput!){refreshSession(input:$input){...on RefreshSessionPayload{accessToken accessTokenExpiresAt refreshToken user{...Profile}}...Failure}}' + Profile + Failure;

export const Reauthenticate =
  'mutation Reauthenticate($input:ReauthenticateInput!){reauthenticate(input:$input){...on ReauthenticatePayload{accessToken accessTokenExpiresAt}...Failure}}' + Failure;

export const Logout =
  'mutation Logout($input:LogoutInput){logout(input:$input){...on LogoutPayload{endedSessions}...Failure}}' + Failure;

export const UpdateProfile =
  'mutation UpdateProfile($input:UpdateProfileInput!){updateProfile(input:$input){...on UpdateProfilePayload{user{...Profile}}...Failure}}' + Profile + Failure;

export const ChangePhone =
  'mutation ChangePhone($input:ChangePhoneInput!){changePhone(input:$input){...on ChangePhonePayload{user{...Profile}}...Failure}}' + Profile + Failure;

export const DeleteAccount =
  'mutation DeleteAccount($input:DeleteAccountInput!){deleteAccount(input:$input){...on DeleteAccountPayload{deletedUserId}...Failure}}' + Failure;

export const VerifyCode =
  'mutation VerifyCode($input:VerifyCodeInput!){verifyCode(input:$input){...on VerifyCodePayload{proof proofExpiresAt}...Failure}}' + Failure;

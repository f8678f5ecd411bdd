// Package weblogin signs in the users of a web application and keeps their tokens on the server. The browser holds a
// session cookie and no token (the pattern is called backend for frontend).
//
//	app, err := weblogin.New(weblogin.Config{Client: c, Sessions: scs.New()})
//	orders, err := app.Proxy("/api/orders/", "https://orders.example.com/v1/")
//
//	mux.Handle("/auth/", app)
//	mux.Handle("/api/orders/", orders)
//	mux.Handle("/", app.RequireLogin(pages))
//
// The App serves these endpoints below /auth/:
//
//	GET  login?return_to=/path   redirects the user to the authorization server; prompt=login requires a new authentication
//	GET  callback                signs the user in, in a new session, and redirects to return_to; POST with form_post
//	GET  session                 returns whether a user is signed in, their claims, and the scopes and expiry of the token
//	POST refresh                 refreshes the token now, at most once every 5 s; returns the same JSON as session
//	POST logout                  ends the session here, revokes the tokens, and redirects to the server's logout
//	POST backchannel-logout      receives logout tokens from the authorization server
//	GET  frontchannel-logout     ends a session in a frame of the server's logout page, with Config.FrontchannelLogout
//
// session and refresh return JSON. Config.Claims lists the claims in it:
//
//	{"signed_in": true, "expires_at": "2026-11-29T10:05:00Z", "scopes": ["openid"], "claims": {"sub": "1", "name": "Alice"}}
//
// A page of the application has a link to login, and a form that POSTs to logout. Do not call logout from a script: it
// redirects to the logout page of the server, which the browser must open as a page. A script can call session and the API
// below the prefix of the Proxy. If it receives a 401 with the error login_required, it must navigate to login. With the
// error insufficient_user_authentication, it must navigate to the URL in the member login of the response.
//
// # Signing in
//
// Config.Authorization has the options of every sign-in. [App.Login] starts a sign-in with other options, for example
// another prompt. Config.LoginParams lists the options that a link to login may contain. Config.OnSignIn is called with each
// sign-in before it takes effect, and may reject it.
//
// An API can require a stronger or more recent sign-in (RFC 9470). The response of the Proxy then contains a local URL that
// starts such a sign-in: for a script as a member of JSON, and for a user who has opened a page of the API as a link on a
// page. The same user must sign in. Until then, the current login remains.
//
// With the response mode form_post, the response is a POST request from a page of the server, without the cookies of the
// application. The callback then returns a page that sends the same form again from the application's own origin. The code
// is never part of a URL, and a code in a URL is not accepted in this mode. Middleware against cross-site requests, such as
// [net/http.CrossOriginProtection], must let POST requests to the callback pass.
//
// If the callback is opened twice, or after the sign-in has expired, it redirects a user who is signed in to
// Config.AfterLogin. All others receive an error page with a link that starts the sign-in again.
//
// # Sessions
//
// A sign-in creates a login: the entry in the session that says which user is signed in. A logout ends it.
//
// The package uses the sessions of github.com/alexedwards/scs. Any scs store works if a read returns the value that was
// written last. The token of a login is a separate entry of the same store. To encrypt tokens and sessions, wrap the store in a
// Sessions of package seal before you call [New]. Otherwise, anyone who can read the store can read them. Within one process,
// only one request at a time refreshes the token of a session. With Config.Lock, this is true for several processes too. A
// sign-in gives the session a new id, and deletes its old data.
//
// A login that has ended cannot be restored. If a request is still running when the user signs out, it may write its session
// afterwards, even under a new session id. The user remains signed out. A token that a refresh or a sign-in receives after
// the logout is revoked. Sessions that the server ends by `sid` or by `sub` (OpenID Connect Back-Channel Logout) are
// rejected from then on, in every process that uses the same store. The same holds for sessions that it ends by `iss` and
// `sid` in the browser (OpenID Connect Front-Channel Logout). That request is not signed, so anyone who knows the `sid` of a
// session can end it. If the server rejects the refresh token, the login ends too. Every login ends after Lifetime of the
// SessionManager at the latest, even if the application renews the session.
//
// # Several Apps
//
// One host can have several Apps, for several issuers or clients, if each has its own Prefix. Every login, token and logout
// record names the issuer and the client id of its App, so no App uses those of another. Give each App its own
// SessionManager: then each has its own cookie and its own session data. Apps may share a SessionManager if their issuers or
// client ids differ. They then share one session, and a sign-in or logout at one App does not change the logins at the
// others. It removes all other data of the session. Create all of them before the first request is served.
//
// # Cookies
//
// The session cookie and the cookies of sign-ins in progress have the prefix __Host- and the attributes HttpOnly, Secure and
// SameSite=Lax. The cookie of a sign-in is encrypted, is valid for one state, can be used once in each process, and expires.
// A browser holds at most eight of them: a new sign-in deletes the oldest.
//
// # Requests
//
// Only the application's own pages can make a browser POST to the App, except for form_post, or call an API through it.
// Requests from other origins are rejected. So are requests with a method other than GET and HEAD that carry neither
// Sec-Fetch-Site nor Origin. The same rules apply to handlers behind RequireLogin, except that a link on another site may
// open their pages. A GET request that carries neither header passes, so do not use a Proxy for an API that changes
// something on GET.
//
// A Proxy rejects paths that two servers could read differently. It removes cookies, credentials and forwarding headers from
// requests and responses. API responses have a sandbox policy, so that HTML or SVG that users have uploaded to the API does
// not run in the application's origin. Scripts are served as plain text.
package weblogin

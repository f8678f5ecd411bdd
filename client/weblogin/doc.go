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
//	GET  session                 returns who is signed in, the expiry, and the scopes, as JSON
//	POST refresh                 refreshes the token now, at most once in 5 s
//	POST logout                  ends the session here, revokes the tokens, and redirects to the server's logout
//	POST backchannel-logout      receives logout tokens from the authorization server
//	GET  frontchannel-logout     ends a session in a frame of the server's logout page, with Config.FrontchannelLogout
//
// A page links to login and contains a form that POSTs to logout, because the logout continues at the server. A script
// calls session, and calls the API below the Proxy's prefix. If it receives a 401 with the error login_required, it must
// open login as a page. With the error insufficient_user_authentication, it must open the URL in the member login as a page.
//
// # Signing in
//
// Config.Authorization has the options of every sign-in. [App.Login] starts one with other options, for example another
// prompt. Config.LoginParams lists the options that a link to login may contain. Config.OnSignIn sees each sign-in before it
// takes effect, and may reject it.
//
// An API can require a stronger or more recent sign-in (RFC 9470). Its response leads a script or a page behind the Proxy
// to a login that meets the requirement. The same user must sign in; until then, the current login remains.
//
// With the response mode form_post, the response is a POST request from a page of the server, without the cookies of the
// application. The callback then returns a page that sends the same form again from the application's own origin. The code
// is in no URL. A code in a URL is not accepted in this mode.
//
// A callback that comes late or twice redirects a user who is signed in to Config.AfterLogin. Other users receive a page that
// says how to start again.
//
// # Sessions
//
// The package uses the sessions of github.com/alexedwards/scs. Any scs store works if a read returns the value that was
// written last. Each token is an entry of its own in the same store. Tokens are not encrypted: anyone who can read the
// store can read them. Within one process, one request at a time refreshes the token of a session; Config.Lock extends
// this to several processes. After each sign-in the session has a new id, and its old data is gone.
//
// A login that has ended cannot be restored. A request that is still running when the user signs out may write its
// session afterwards, even under a new session id; the user remains signed out. A token that a refresh or a sign-in
// receives after the logout is revoked. Sessions that the server ends by `sid` or by `sub` (OpenID Connect Back-Channel
// Logout) are rejected from then on, in every process that uses the same store. The same holds for sessions that it ends
// by `iss` and `sid` in the browser (OpenID Connect Front-Channel Logout). That request is not signed, so anyone who knows
// the `sid` of a session can end it. If the server rejects the refresh token, the login ends too. A login lasts no longer than Lifetime of the SessionManager, however often the application renews
// the session.
//
// # Several Apps
//
// One host can have several Apps, for several issuers or clients, as long as each has its own Prefix. Every login, token
// and logout record is bound to the issuer and the client id, so no App uses what belongs to another. Give each App its
// own SessionManager: then each has its own cookie and its own session data. Apps may share a SessionManager if their
// issuers or client ids differ. They then share one session, and a sign-in or logout at one App does not change the
// logins at the others. Create all of them before the first request is served.
//
// # Cookies
//
// The session cookie and the cookies of sign-ins in progress have the prefix __Host- and the attributes HttpOnly, Secure
// and SameSite=Lax. The cookie of a sign-in is encrypted, belongs to one state, works once per process, and expires. A
// browser holds at most eight of them: a new sign-in deletes the oldest.
//
// # Requests
//
// Only the application's own pages can make a browser POST to the App, or call an API through it. Requests from other
// origins are rejected, and so are requests that may change something and carry neither Sec-Fetch-Site nor Origin. The same
// holds for handlers behind RequireLogin. A GET request without both headers passes, so do not use a Proxy for an API that
// changes something on GET.
//
// A Proxy rejects paths that two servers could read differently. In both directions it removes cookies, credentials and
// forwarding headers. API responses are sandboxed, so that HTML or SVG that users have uploaded to the API does not run
// in the application's origin. Scripts are served as plain text.
package weblogin

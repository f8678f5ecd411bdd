// Package weblogin signs users of a web application in, and keeps their tokens on the server: the browser has a session
// cookie and nothing else (a backend for frontend).
//
//	app, err := weblogin.New(weblogin.Config{Client: c, Sessions: scs.New()})
//	orders, err := app.Proxy("/api/orders/", "https://orders.example.com/v1/")
//
//	mux.Handle("/auth/", app)
//	mux.Handle("/api/orders/", orders)
//	mux.Handle("/", app.RequireLogin(pages))
//
// The App answers below /auth/:
//
//	GET  login?return_to=/path   sends the user to the server
//	GET  callback                signs them in, in a new session, and sends them to where they were
//	GET  session                 says who is signed in, until when, and with which scopes, as JSON
//	POST refresh                 gets the next token now, at most once in 5 s
//	POST logout                  ends the session here, the tokens, and the session at the server
//	POST backchannel-logout      is told by the server that a user has signed out elsewhere
//
// A page has a link to the login, and a form that POSTs to the logout, since that leads to the server. A script reads
// session, calls the API below the Proxy's prefix, and on a 401 with the error login_required opens the login as a page.
//
// # Sessions
//
// They are those of github.com/alexedwards/scs, in whatever store it is given, which reads what it has written. Tokens lie
// in the same store, apart from the session, not encrypted, and are refreshed by one request at a time. The session has a
// new id, and none of what was in it, after each sign-in.
//
// What has ended stays ended. A request that writes its session after the logout brings nothing back, and a refresh that
// comes to its end then is revoked. A session that the server ends by its sid or by its subject (OpenID Connect
// Back-Channel Logout) is refused from then on, in every process that shares the store. A login lasts no longer than
// Lifetime of the SessionManager.
//
// # Cookies
//
// That of the session and those of sign-ins under way are __Host- cookies with HttpOnly, Secure and SameSite=Lax. A sign-in
// is encrypted, is for one browser and one state, works once, and ends. Old ones make room for new ones.
//
// # Requests
//
// Nobody but the application's own pages can have a browser POST here, or call an API through it: other origins are
// refused, and so is a request that changes something and does not say where it comes from. That goes for handlers behind
// RequireLogin, too. A GET of a browser that says nothing is taken: an API that changes something on GET is not for a Proxy.
//
// Paths that two servers could read differently do not get through a Proxy, nor do cookies, credentials and forwarding
// headers, in either direction. What an API answers is sandboxed, so that HTML or SVG of its users has no power over the
// application, and a script is text.
package weblogin

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
//	POST refresh                 gets the next token now
//	POST logout                  ends the session here, the tokens, and the session at the server
//	POST backchannel-logout      is told by the server that a user has signed out elsewhere
//
// Nobody but the application's own pages can have a browser POST here, or call an API through it: other origins are
// refused, and so is a request that does not say where it comes from. Paths that two servers could read differently do not
// get through a Proxy, nor do cookies, credentials and forwarding headers, in either direction.
//
// Sessions are those of github.com/alexedwards/scs, in whatever store it is given. Tokens lie in the same store, apart from
// the session, and are refreshed by one request at a time.
package weblogin

package middleware

// Replace puts cfg in the place of what g was made or last replaced with, after the checks of [New]; after an error all
// is as it was. It is for configuration that is read again while requests are served: handlers, routes and adapters that
// were made from g keep working, and nothing is dropped.
//
// A request is decided and answered by one configuration, the one that was in place when it came to Handler, With or
// Routes; those under way end with theirs. Where Withs are nested each takes what is in place when the request comes to
// it, and verifies the token itself if that has changed since. [Guard.Authenticate] and [Guard.Deny] each take what is in
// place when they are called.
//
// A new Consumer has no keys yet. Call its Warm before, so that no request has to wait for them.
func (g *Guard) Replace(cfg Config) error {
	next, err := New(cfg)
	if err != nil {
		return err
	}
	next.first = g.first
	g.first.next.Store(next)
	return nil
}

// now returns the Guard that decides for g.
func (g *Guard) now() *Guard {
	if next := g.next.Load(); next != nil {
		return next
	}
	return g
}

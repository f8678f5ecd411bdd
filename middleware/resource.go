package middleware

// Resource returns Config.Resource. It is empty if the Config has none. Adapters use it to check that a token was issued for
// this API.
func (g *Guard) Resource() string { return g.now().cfg.Resource }

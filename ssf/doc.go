// Package ssf receives security events of the OpenID Shared Signals Framework 1.0, such as "session revoked" and "account
// disabled", and denies the tokens that they are about. It also receives logout tokens of OpenID Connect Back-Channel Logout 1.0.
//
//	denied := store.DenyList{Storage: storage}                         // consumer.Config.Status of the API
//	receiver, err := ssf.New(ssf.Config{
//		Issuer:        "https://login.example.com",
//		Audience:      []string{"https://api.example.com"},
//		Storage:       storage,                                        // the same one
//		TokenLifetime: time.Hour,
//	})
//	push, err := receiver.PushHandler(ssf.PushConfig{Authorization: []string{secret}}) // the transmitter sends events here
//	err = receiver.Poll(ctx, ssf.PollConfig{Endpoint: endpoint, Token: token})         // or the receiver fetches them
//
// A transmitter sends each event as a Security Event Token (SET, RFC 8417). [Receiver.Receive] verifies it with package
// consumer, saves entries in the deny list, calls Config.OnEvent, and records that the SET was received. After these steps,
// [Receiver.PushHandler] (RFC 8935) or [Receiver.Poll] (RFC 8936) acknowledges it. If any of the steps fails, the transmitter
// sends the SET again. A SET that was recorded before is acknowledged and has no effect.
//
// The entries take effect as soon as a process reads them: the next request with a denied token is rejected, even if the verified
// token is cached. If a process also caches the results of consumer.Config.Status (StatusTTL), call the Watch method of the store in
// it, which drops the results of denied tokens. docs/revocation.md says how long that takes, and which event denies what.
//
// [Transmitter] is a client for the stream management API of a transmitter. [LogoutHandler] denies tokens when a user signs out at
// the OpenID provider.
//
// CAEP is the OpenID Continuous Access Evaluation Profile 1.0, and RISC the OpenID RISC Profile 1.0. SSF is the OpenID Shared
// Signals Framework Specification 1.0.
package ssf

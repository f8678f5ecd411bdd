package client

import "fmt"

// owner is the client for which something was received. What one client receives must not be sent by another one, whose
// server could be an attacker's.
type owner struct{ issuer, clientID string }

// owner returns the owner of what c receives.
func (c *Client) owner() owner { return owner{c.cfg.Issuer, c.cfg.ClientID} }

// checkOwnerOf returns an error if got is not c. what names the value that got owns, for the error text. The zero owner
// passes: the program has made the value itself, or received it from another library.
func (c *Client) checkOwnerOf(got owner, what string) error {
	want := c.owner()
	if got == want || got == (owner{}) {
		return nil
	}
	return fmt.Errorf("client: %s is of issuer %q and client %q, expected issuer %q and client %q",
		what, clip(got.issuer), clip(got.clientID), clip(want.issuer), clip(want.clientID))
}

// checkOwner is checkOwnerOf for a Token.
func (c *Client) checkOwner(t *Token, what string) error {
	return c.checkOwnerOf(owner{t.Issuer, t.ClientID}, what)
}

// owned returns a copy of t that names its owner, so that no other client can use it once it is stored.
func (c *Client) owned(t *Token) *Token {
	t = t.clone()
	t.Issuer, t.ClientID = c.cfg.Issuer, c.cfg.ClientID
	return t
}

// checkHint returns an error if hint is an ID token of another issuer. An ID token has claims about a user, which are not
// for other servers. A hint that cannot be read, such as an encrypted one, passes: the server checks it.
func (c *Client) checkHint(hint, field string) error {
	claims, err := unverified(hint)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	if issuer, _ := claims.OptionalText("iss"); !c.cfg.accepts(issuer) {
		return fmt.Errorf("client: %s is an ID token of issuer %q, expected %s", field, clip(issuer), c.cfg.issuers())
	}
	return nil
}

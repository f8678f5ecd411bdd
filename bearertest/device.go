package bearertest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// device is a device authorization request that was accepted (RFC 8628).
type device struct {
	client   Client
	params   params
	userCode string

	mu       sync.Mutex // guards the fields below
	interval time.Duration
	polled   time.Time
	decided  bool
	denied   bool
	grant    *grant // what the user has granted; nil: nothing yet, or the tokens were issued
}

// ApproveDevice makes the current user grant what the device with the given user code has requested. The next poll of
// the device gets its tokens. If User.Error is set, the user denies instead. It reports whether a device is waiting for a
// decision under this code.
func (i *Issuer) ApproveDevice(userCode string) bool {
	return i.decide(userCode, i.currentUser())
}

// DenyDevice makes the user deny what the device with the given user code has requested. It reports whether a device is
// waiting for a decision under this code.
func (i *Issuer) DenyDevice(userCode string) bool {
	return i.decide(userCode, User{Error: "access_denied"})
}

// WaitingDevices returns the user codes of the devices that wait for a decision of the user, oldest first.
func (i *Issuer) WaitingDevices() []string {
	if i.server == nil {
		return nil
	}
	var codes []string
	for _, d := range i.server.devices.values() {
		if d.waiting() {
			codes = append(codes, d.userCode)
		}
	}
	return codes
}

// decide records the decision of a user about a device.
func (i *Issuer) decide(userCode string, user User) bool {
	if i.server == nil {
		return false
	}
	for _, d := range i.server.devices.values() {
		if normalized(d.userCode) == normalized(userCode) {
			return d.decide(user)
		}
	}
	return false
}

// normalized returns a user code without the characters that the user may add or omit (RFC 8628 section 6.1).
func normalized(userCode string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(userCode))
}

func (d *device) waiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.decided
}

// decide records the decision of the user. It reports false if the user has decided before.
func (d *device) decide(user User) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.decided {
		return false
	}
	d.decided = true
	d.denied = user.declines(false) != nil
	if !d.denied {
		d.grant = newGrant(d.client, session{user, time.Now()}, d.params)
	}
	return true
}

// startDevice is the device authorization endpoint (RFC 8628 section 3.1).
func (s *server) startDevice(w http.ResponseWriter, r *http.Request) {
	c, p, err := s.authenticated(r)
	if err == nil && !c.may(grantDevice) {
		err = failure("unauthorized_client", "Client.GrantTypes of %s does not contain %s", c.ID, grantDevice)
	}
	if err == nil {
		err = c.checkScopes(strings.Fields(p.get("scope")))
	}
	if err == nil {
		err = checkResources(p.list("resource"), nil)
	}
	if err != nil {
		err.writeTo(w)
		return
	}
	code, text := rand.Text(), rand.Text()
	userCode := text[:4] + "-" + text[4:8]
	s.devices.add(code, &device{client: c, params: p, userCode: userCode, interval: s.interval})
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code":               code,
		"user_code":                 userCode,
		"verification_uri":          s.root + "/device",
		"verification_uri_complete": s.root + "/device?" + url.Values{"user_code": {userCode}}.Encode(),
		"expires_in":                int(deviceLifetime.Seconds()),
		"interval":                  int(s.interval.Seconds()),
	})
}

// redeemDevice is the grant of devices (RFC 8628 section 3.4). A device that polls too early must wait 5 s longer between
// any two polls from then on.
func (s *server) redeemDevice(c Client, p params, key string) (map[string]any, *oauthError) {
	d, ok := s.devices.get(p.get("device_code"))
	if !ok {
		return nil, failure("expired_token", "the device code is unknown or has expired; it is valid for %v", deviceLifetime)
	}
	if d.client.ID != c.ID {
		return nil, failure("invalid_grant", "the device code was issued to another client")
	}
	g, err := d.poll()
	if err != nil {
		return nil, err
	}
	return s.issue(c, g, tokens{scopes: g.scopes, resources: g.resources, key: key, refresh: true}), nil
}

// poll returns what the user has granted, once.
func (d *device) poll() (*grant, *oauthError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	early := !d.polled.IsZero() && now.Sub(d.polled) < d.interval
	d.polled = now
	switch {
	case early:
		d.interval += 5 * time.Second
		return nil, failure("slow_down", "the device must wait %v between two polls", d.interval)
	case !d.decided:
		return nil, failure("authorization_pending", "the user has not decided: call Issuer.ApproveDevice or open the verification URI")
	case d.denied:
		return nil, failure("access_denied", "the user has denied the request")
	case d.grant == nil:
		return nil, failure("invalid_grant", "the device code was used before")
	}
	g := d.grant
	d.grant = nil
	return g, nil
}

// devicePage is the verification URI: the page for the user code. With a user code, the current user approves at once.
func (s *server) devicePage(w http.ResponseWriter, r *http.Request) {
	userCode := r.URL.Query().Get("user_code")
	switch {
	case userCode == "":
		writeHTML(w, `<form><label>Code <input name="user_code" autofocus></label> <button>Continue</button></form>`)
	case s.issuer.ApproveDevice(userCode):
		writePage(w, http.StatusOK, "Done. You can close this page and return to your device.")
	default:
		writePage(w, http.StatusNotFound, "No device is waiting under this code.")
	}
}

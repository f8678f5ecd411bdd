package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// skew is the difference between the clock of a server and that of this machine.
type skew struct {
	ahead       time.Duration // how far the server is ahead; negative: behind
	uncertainty time.Duration
}

// maxClockSkew is the greatest Config.ClockSkew.
const maxClockSkew = 5 * time.Minute

// skewOf returns the skew that a response shows. The header Date has a resolution of one second, and the server wrote it at some
// time between the request and the response.
func skewOf(e exchange) (skew, bool) {
	date, err := http.ParseTime(e.date)
	if err != nil {
		return skew{}, false
	}
	trip := e.received.Sub(e.sent)
	middle := e.sent.Add(trip / 2)
	return skew{date.Add(time.Second / 2).Sub(middle), trip/2 + time.Second/2}, true
}

// issuerSkew returns the most exact skew of the server that sent the metadata and the keys.
func (d *doctor) issuerSkew() (best skew, found bool) {
	for _, e := range d.recorder.all() {
		if s, ok := skewOf(e); ok && d.isIssuerHost(e.host) && (!found || s.uncertainty < best.uncertainty) {
			best, found = s, true
		}
	}
	return best, found
}

// isIssuerHost reports whether host is that of the issuer or of its keys.
func (d *doctor) isIssuerHost(host string) bool {
	urls := []string{d.cfg.Issuer, d.cfg.MetadataURL}
	if d.metadata != nil {
		urls = append(urls, d.metadata.JWKSURI)
	}
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && strings.EqualFold(u.Host, host) {
			return true
		}
	}
	return false
}

// checkClock compares the clocks. It runs after the checks of the token.
func (d *doctor) checkClock(ctx context.Context) {
	s, found := d.issuerSkew()
	if !found {
		return
	}
	accepted := max(cmp.Or(d.cfg.ClockSkew, defaultClockSkew), 0) // a negative ClockSkew accepts no difference
	least := max(s.ahead.Abs()-s.uncertainty, 0)
	text := fmt.Sprintf("The issuer's clock is %s (± %v).", s.text(), round(s.uncertainty))
	if least <= accepted {
		d.ok("clock", inConsumer+"ClockSkew", fmt.Sprintf("%s Accepted: %v.", text, accepted))
		return
	}
	f := Finding{
		Check: "clock", Severity: Problem, Found: text, Actor: ActorMachine, Field: inConsumer + "ClockSkew",
		Change: "Synchronize the clocks of this machine and of the issuer, for example with NTP.",
	}
	needed := s.ahead.Abs() + s.uncertainty
	switch set := setClockSkew(needed); {
	case needed > maxClockSkew:
		f.Change += fmt.Sprintf(" No setting helps: ClockSkew is at most %v.", maxClockSkew)
	case d.wouldAccept(ctx, set):
		f.Change += " ClockSkew is not suggested: it would also accept this token, which is not valid by the clock of the issuer either."
	default:
		f.Change += " Until then, set ClockSkew."
		f.Settings = []Setting{set}
	}
	d.add(f)
}

// wouldAccept reports whether the token, which is rejected with d.cfg, is accepted with the setting s in addition.
func (d *doctor) wouldAccept(ctx context.Context, s Setting) bool {
	if d.verdict != verdictRejected {
		return false
	}
	cfg := d.cfg
	s.apply(&cfg)
	t, _, _ := d.explain(ctx, cfg)
	return t != nil
}

// defaultClockSkew applies if Config.ClockSkew is zero.
const defaultClockSkew = 10 * time.Second

// setClockSkew returns the setting of Config.ClockSkew for a difference, in steps of 10 seconds.
func setClockSkew(needed time.Duration) Setting {
	const step = 10 * time.Second
	limit := min((needed+step-1)/step*step, maxClockSkew)
	return setting("ClockSkew", fmt.Sprintf("%d * time.Second", limit/time.Second), func(cfg *consumer.Config) { cfg.ClockSkew = limit })
}

// text describes the skew.
func (s skew) text() string {
	switch {
	case s.ahead.Abs() <= s.uncertainty:
		return "equal to that of this machine"
	case s.ahead > 0:
		return round(s.ahead).String() + " ahead of this machine"
	}
	return round(-s.ahead).String() + " behind this machine"
}

// round returns a duration without digits that say nothing.
func round(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(100 * time.Millisecond)
}

// hostname returns a host without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

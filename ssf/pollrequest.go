package ssf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// pollRequest is the body of a request (RFC 8936 section 2.2).
type pollRequest struct {
	MaxEvents         int                  `json:"maxEvents"`
	ReturnImmediately bool                 `json:"returnImmediately"`
	Acks              []string             `json:"ack,omitempty"`
	Errors            map[string]errorBody `json:"setErrs,omitempty"`
}

// pollResponse is the body of a response (RFC 8936 section 2.3).
type pollResponse struct {
	sets []namedSET
	more bool
}

// namedSET is a SET with the jti under which the transmitter delivers it.
type namedSET struct{ id, set string }

// request sends one request, with all acknowledgements and errors of the last response. With long polling, they are not delayed either:
// the transmitter reads them at once, although it responds only when it has further events.
func (p *poller) request(ctx context.Context) (pollResponse, error) {
	body, err := json.Marshal(pollRequest{
		MaxEvents: p.maxEvents, ReturnImmediately: !p.isLongPoll(), Acks: p.acks, Errors: p.errs,
	})
	if err != nil {
		return pollResponse{}, fmt.Errorf("ssf: request for events: %w", err)
	}
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if err := authorize(ctx, header, p.cfg.Token); err != nil {
		return pollResponse{}, fmt.Errorf("ssf: PollConfig.Token: %w", err)
	}
	start := time.Now()
	response, err := fetch.Send(ctx, http.MethodPost, p.cfg.Endpoint, body, fetch.Options{
		Client: p.cfg.HTTPClient, Header: header, MaxBytes: maxPollBytes, Timeout: p.cfg.Timeout, AllowHTTP: p.cfg.InsecureAllowHTTP,
	})
	if p.isLongPoll() && isTimeout(err) && time.Since(start) >= p.cfg.Timeout {
		return pollResponse{}, errNoEvent
	}
	if err != nil {
		return pollResponse{}, fmt.Errorf("ssf: %w", err)
	}
	if response.Status != http.StatusOK {
		return pollResponse{}, fmt.Errorf("ssf: poll: %w", statusError(response))
	}
	parsed, err := parsePoll(string(response.Body))
	if n := p.cfg.MaxEvents; len(parsed.sets) > n {
		parsed.sets = parsed.sets[:n] // the transmitter delivers the others again
	}
	return parsed, err
}

// errNoEvent means that a long poll has reached PollConfig.Timeout.
var errNoEvent = errors.New("ssf: no event has arrived within PollConfig.Timeout")

// isLongPoll reports whether the transmitter delays its response until there is an event.
func (p *poller) isLongPoll() bool { return p.cfg.Interval == 0 }

// isTimeout reports whether err is a timeout of package fetch. It may be one of another request, which PollConfig.Token or the
// transport of PollConfig.HTTPClient has sent to obtain a token. Such a request ends earlier than the long poll.
func isTimeout(err error) bool {
	_, ok := errors.AsType[*fetch.TimeoutError](err)
	return ok
}

// authorize adds the header Authorization with a token, unless token is nil.
func authorize(ctx context.Context, header http.Header, token func(context.Context) (string, error)) error {
	if token == nil {
		return nil
	}
	value, err := token(ctx)
	if err != nil {
		return err
	}
	header.Set("Authorization", "Bearer "+value)
	return nil
}

// statusError returns the error for a response with an unexpected status.
func statusError(response *fetch.Response) error {
	return &fetch.StatusError{
		Status: response.Status, RetryAfter: fetch.ParseRetryAfter(response.Header.Get("Retry-After"), time.Now()),
	}
}

// parsePoll reads a response. The size of a response is limited, which also limits the number of SETs.
func parsePoll(text string) (response pollResponse, err error) {
	o, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return pollResponse{}, fmt.Errorf("ssf: the response to a poll: %w", err)
	}
	if more, there := o.Get("moreAvailable"); there {
		response.more, _ = more.Bool()
	}
	v, there := o.Get("sets")
	sets, ok := v.Object()
	if there && !ok {
		return pollResponse{}, fmt.Errorf("ssf: the response to a poll: sets is of type %s, expected an object", v.Kind())
	}
	for id, value := range sets.All() {
		set, _ := value.Text() // "" if it is not a string: Receive rejects it, so that the transmitter is informed
		response.sets = append(response.sets, namedSET{id, set})
	}
	return response, nil
}

// receiveNamed is Receive for a SET of a response. The transmitter delivers the SET until its jti is acknowledged, so the name must
// be that jti.
func (r *Receiver) receiveNamed(ctx context.Context, named namedSET) error {
	return r.receive(ctx, named.set, func(id string) bool { return id == named.id })
}

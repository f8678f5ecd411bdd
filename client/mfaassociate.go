package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
)

// MFAAssociation says what second factor a user is to get.
type MFAAssociation struct {
	// Type is "otp" or "oob".
	Type string

	// OOBChannel is of an "oob": "sms", "voice", "email" or "auth0" (a push).
	OOBChannel string

	// PhoneNumber is where "sms" and "voice" go, in the form +491701234567, and Email where "email" goes. Empty: what the
	// server knows of the user.
	PhoneNumber, Email string
}

// MFAEnrollment is a second factor that is not confirmed yet: [Client.MFACompleteOTP], [Client.MFACompleteOOB] or
// [Client.MFAWaitOOB] do that. It holds secrets, which neither fmt nor slog prints.
type MFAEnrollment struct {
	// Challenge is what the confirmation answers.
	Challenge MFAChallenge

	// Secret and BarcodeURI are for the user's app: the secret of an "otp", and what a QR code shows. Empty: not needed.
	Secret, BarcodeURI string

	// RecoveryCodes are to be shown to the user, once. Nil: they have some already.
	RecoveryCodes []string
}

// Format leaves the secrets out, whatever the verb.
func (e MFAEnrollment) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.MFAEnrollment{}")
}

// LogValue leaves the secrets out.
func (e MFAEnrollment) LogValue() slog.Value { return slog.StringValue("client.MFAEnrollment{}") }

// MFAAssociate gives a user a second factor, with the MFA token of one who has none, or with an access token for the MFA
// API that has the scope `enroll`.
func (c *Client) MFAAssociate(ctx context.Context, token string, o MFAAssociation) (*MFAEnrollment, error) {
	if token == "" || o.Type == "" {
		return nil, errors.New("client: a token and MFAAssociation.Type are required")
	}
	body, err := c.associationOf(ctx, o)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, http.MethodPost, c.mfaURL("associate"), http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/json"}, "Authorization": {"Bearer " + token},
	}, body)
	if err != nil {
		return nil, err
	}
	if resp.Status >= http.StatusBadRequest {
		return nil, refusedCall(resp)
	}
	a, err := readAnswer(resp, []int{http.StatusOK, http.StatusCreated})
	if err != nil {
		return nil, err
	}
	e := new(MFAEnrollment)
	e.Challenge.Type, _ = a.OptionalText("authenticator_type")
	e.Challenge.OOBCode, _ = a.OptionalText("oob_code")
	e.Challenge.BindingMethod, _ = a.OptionalText("binding_method")
	e.Secret, _ = a.OptionalText("secret")
	e.BarcodeURI, _ = a.OptionalText("barcode_uri")
	codes, _ := a.Get("recovery_codes")
	e.RecoveryCodes, _ = codes.Strings()
	if e.Challenge.Type != o.Type {
		return nil, fmt.Errorf("%w: the second factor is not the one that was asked for", ErrBadAnswer)
	}
	return e, nil
}

// associationOf has the client's proof in the body, since the header has the token.
func (c *Client) associationOf(ctx context.Context, o MFAAssociation) ([]byte, error) {
	form, header := make(url.Values), make(http.Header)
	if err := c.authenticate(ctx, form, header); err != nil {
		return nil, err
	}
	if header.Get("Authorization") != "" {
		form = url.Values{"client_id": {c.cfg.ClientID}, "client_secret": {c.cfg.ClientSecret}}
	}
	form.Set("phone_number", o.PhoneNumber)
	form.Set("email", o.Email)
	object := map[string]any{"authenticator_types": []string{o.Type}}
	if o.OOBChannel != "" {
		object["oob_channels"] = []string{o.OOBChannel}
	}
	for name, values := range withoutEmpty(form) {
		object[name] = values[0]
	}
	return json.Marshal(object)
}

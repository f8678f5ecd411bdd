package loopback

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

func testCertificate(t *testing.T) *tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// TestCaseL1_IdleHandshakes checks that the limits of connections hold for https: 300 connections that do not complete the
// handshake do not delay the browser, whose connection is not closed for others while its code is exchanged.
func TestCaseL1_IdleHandshakes(t *testing.T) {
	t.Parallel()
	certificate := testCertificate(t)
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		r, l := newTestReceiver(), newPipes()
		r.exchange = func(url.Values) (*client.Token, error) {
			<-goOn
			return &client.Token{AccessToken: "at"}, nil
		}
		stop := serve(r, []net.Listener{l}, certificate)
		defer stop()
		begun := time.Now()
		idle := make([]net.Conn, 300)
		for n := range idle {
			idle[n] = l.connect()
		}
		synctest.Wait()
		browser := tls.Client(l.connect(), &tls.Config{InsecureSkipVerify: true})
		if _, err := browser.Write([]byte("GET /callback?state=the-state&code=c HTTP/1.1\r\nHost: 127.0.0.1:1234\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 2 * maxConnections {
			_ = l.connect()
		}
		synctest.Wait()
		close(goOn)
		resp, err := http.ReadResponse(bufio.NewReader(browser), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		_, _ = io.Copy(io.Discard, browser)           // until the server closes the connection
		if waited := time.Since(begun); waited != 0 { // of virtual time
			t.Errorf("the browser has waited for %v", waited)
		}
		time.Sleep(headerTimeout + time.Second)
		for n, conn := range idle {
			if isOpen(conn) {
				t.Errorf("connection %d is open after the time for a handshake", n)
			}
		}
	})
}

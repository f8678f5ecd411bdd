package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// phase is one kind of request with its measurements.
type phase struct {
	name     string
	requests [][]byte
	rounds   []round

	// A guarded phase is compared with a bare one that sends the same requests.
	bare   *phase
	target target
}

// target contains the required ratios of a guarded phase to its bare one.
type target struct {
	throughput float64 // at least
	p99        float64 // at most
}

// round is one turn of a phase.
type round struct {
	throughput float64                 // requests a second
	latency    *hdrhistogram.Histogram // nanoseconds
}

func newPhase(name, path, host string, raws []string) *phase {
	p := &phase{name: name, requests: make([][]byte, len(raws))}
	for i, raw := range raws {
		p.requests[i] = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, host, raw)
	}
	return p
}

// client is a set of keep-alive connections. It writes prepared requests and reads only the necessary part of a response,
// because client and server share the processors.
type client struct{ connections []*connection }

type connection struct {
	net.Conn

	answers *bufio.Reader
	next    int // index of the next request in the rotation
	latency *hdrhistogram.Histogram
}

func dial(ctx context.Context, address string, count int) (*client, error) {
	c := new(client)
	for range count {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			c.close()
			return nil, err
		}
		c.connections = append(c.connections, &connection{Conn: conn, answers: bufio.NewReader(conn)})
	}
	return c, nil
}

func (c *client) close() {
	for _, one := range c.connections {
		_ = one.Close()
	}
}

// warm sends the whole rotation at least once, and continues until the time is over.
func (c *client) warm(ctx context.Context, p *phase, atLeast time.Duration) error {
	share := len(p.requests)/len(c.connections) + 1
	_, err := c.all(ctx, p, atLeast, share)
	return err
}

func (c *client) measure(ctx context.Context, p *phase, length time.Duration) error {
	began := time.Now()
	latency, err := c.all(ctx, p, length, 1)
	if err != nil {
		return err
	}
	throughput := float64(latency.TotalCount()) / time.Since(began).Seconds()
	p.rounds = append(p.rounds, round{throughput: throughput, latency: latency})
	return nil
}

// all uses every connection for the time length, and for at least atLeast requests.
func (c *client) all(ctx context.Context, p *phase, length time.Duration, atLeast int) (*hdrhistogram.Histogram, error) {
	end := time.Now().Add(length)
	faults := make([]error, len(c.connections))
	var all sync.WaitGroup
	for i, one := range c.connections {
		one.next = i * len(p.requests) / len(c.connections) // each connection starts at another request
		one.latency = newHistogram()
		all.Go(func() { faults[i] = one.run(ctx, p, end, atLeast) })
	}
	all.Wait()
	together := newHistogram()
	for _, one := range c.connections {
		together.Merge(one.latency)
	}
	return together, errors.Join(faults...)
}

// newHistogram returns a histogram with three significant digits between one microsecond and ten seconds.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(10*time.Second), 3)
}

func (c *connection) run(ctx context.Context, p *phase, end time.Time, atLeast int) error {
	for done := 0; ctx.Err() == nil; done++ {
		began := time.Now()
		if done >= atLeast && began.After(end) {
			return nil
		}
		if err := c.exchange(p.requests[c.next%len(p.requests)]); err != nil {
			return err
		}
		c.next++
		if err := c.latency.RecordValue(int64(time.Since(began))); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// exchange sends a request and checks that the response is 204, which has no body.
func (c *connection) exchange(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	status, err := c.answers.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 204 ")) {
		return fmt.Errorf("the server responded with %q, want 204", bytes.TrimSpace(status))
	}
	for {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == len("\r\n") {
			return nil
		}
	}
}

// franz-go in transactions and in groups; the same words as aiokafka_client.py.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var ctx = context.Background()

func main() {
	words := os.Args[2:]
	var err error
	switch words[0] {
	case "send":
		err = send(words[1], number(words[2]), number(words[3]))
	case "write":
		err = write(words[1], words[2], words[3], words[4:])
	case "copy":
		err = copyAll(words[1], words[2], words[3], words[4], number(words[5]))
	case "member":
		err = member(words[1], words[2])
	case "member-848":
		err = member(words[1], words[2], kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		panic(err)
	}
	return n
}

// Each client is known by what it does.
func options(more ...kgo.Opt) []kgo.Opt {
	user, password := os.Getenv("SASL_USERNAME"), os.Getenv("SASL_PASSWORD")
	switch os.Getenv("SASL_MECHANISM") {
	case "PLAIN":
		more = append(more, kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism()))
	case "SCRAM-SHA-256":
		more = append(more, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha256Mechanism()))
	case "SCRAM-SHA-512":
		more = append(more, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()))
	}
	return append([]kgo.Opt{kgo.SeedBrokers(strings.Split(os.Args[1], ",")...), kgo.ClientID(os.Args[2])}, more...)
}

func reading(topic, group string) []kgo.Opt {
	return []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(10 * time.Second), kgo.HeartbeatInterval(time.Second)}
}

func send(topic string, first, last int) error {
	cl, err := kgo.NewClient(options(kgo.AllowAutoTopicCreation(), kgo.ProducerLinger(5*time.Millisecond), kgo.ProduceRequestTimeout(5*time.Second))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	var told sync.Mutex
	for i := first; i < last; i++ {
		r := &kgo.Record{Topic: topic, Key: []byte(fmt.Sprint("k", i)), Value: []byte(fmt.Sprint("v", i))}
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			told.Lock()
			defer told.Unlock()
			if err != nil {
				fmt.Println("error", i, err)
			} else {
				fmt.Println("ok", i)
			}
		})
		time.Sleep(10 * time.Millisecond)
	}
	return cl.Flush(ctx)
}

func write(topic, name, end string, values []string) error {
	cl, err := kgo.NewClient(options(kgo.TransactionalID(name), kgo.TransactionTimeout(30*time.Second))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	for _, v := range values {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			return err
		}
	}
	if end == "hang" {
		fmt.Println("ready")
		time.Sleep(10 * time.Minute)
	}
	return cl.EndTransaction(ctx, end == "commit")
}

func copyAll(source, target, group, name string, count int) error {
	for {
		passed, err := copySome(source, target, group, name, count)
		if err == nil && passed {
			return nil
		}
		// What became of a commit is not known: whoever comes next ends the transaction, and goes on where the group is.
		fmt.Fprintln(os.Stderr, err)
	}
}

// True when it has copied the record at count - 1.
func copySome(source, target, group, name string, count int) (bool, error) {
	s, err := kgo.NewGroupTransactSession(options(append(reading(source, group), kgo.AllowAutoTopicCreation(), kgo.TransactionalID(name),
		kgo.TransactionTimeout(30*time.Second), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)...)
	if err != nil {
		return false, err
	}
	defer s.Close()
	for {
		rows := s.PollRecords(ctx, 5).Records()
		if len(rows) == 0 {
			continue
		}
		if err := s.Begin(); err != nil {
			return false, err
		}
		all := kgo.TryCommit
		for _, r := range rows {
			if err := s.ProduceSync(ctx, &kgo.Record{Topic: target, Value: r.Value}).FirstErr(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				all = kgo.TryAbort
			}
		}
		// When it is aborted the session goes back to where the group is.
		committed, err := s.End(ctx, all)
		if err != nil {
			return false, err
		}
		if committed && rows[len(rows)-1].Offset >= int64(count-1) {
			return true, nil
		}
	}
}

func member(topic, group string, more ...kgo.Opt) error {
	cl, err := kgo.NewClient(options(append(reading(topic, group), more...)...)...)
	if err != nil {
		return err
	}
	for {
		found := cl.PollRecords(ctx, 20)
		for _, e := range found.Errors() {
			if errors.Is(e.Err, kgo.ErrClientClosed) {
				return e.Err
			}
			fmt.Fprintln(os.Stderr, e.Err)
		}
		rows := found.Records()
		for _, r := range rows {
			fmt.Println("got", r.Partition, r.Offset)
		}
		if err := commit(cl, rows); err != nil { // it is not its own any more
			continue
		}
		for _, r := range rows {
			fmt.Println("done", r.Partition, r.Offset)
		}
	}
}

// An answer that was lost is asked for again.
func commit(cl *kgo.Client, rows []*kgo.Record) (err error) {
	for tries := 0; tries < 5; tries++ {
		if err = cl.CommitRecords(ctx, rows...); err == nil {
			return nil
		}
		fmt.Fprintln(os.Stderr, err)
		time.Sleep(200 * time.Millisecond)
	}
	return err
}

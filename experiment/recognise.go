package experiment

import "slices"

// Recognise tells an experiment file from others that lie beside it: functions files, guards files, a pipeline's own. What has one of the
// keys that only experiments have is one, however wrong it may be. So is what cannot be read: doubt is for Parse to speak of.
func Recognise(data []byte) bool {
	d := &decoder{places: map[string]*node{}}
	root := d.parseYAML(data)
	return root == nil || root.form != mapping || slices.ContainsFunc([]string{"objective", "measures", "conditions", "phases"}, func(key string) bool { return root.get(key) != nil })
}

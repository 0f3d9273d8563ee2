"""What finding places rests on: spelling, cities, facts about codes and names. `detection.place` puts it together."""

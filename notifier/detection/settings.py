"""What NOC staff may set about hearing customers: words and limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from ..model.settings import Duration, Settings
from .spikes.settings import MOST_PER_MINUTE, Lengths, SpikeSettings

ByLanguage = Mapping[str, tuple[str, ...]]
FALSE_ALARMS_MOST = 1000
"""The largest budget of false alarms a month."""


class Vocabulary(Settings):
    """Words that make a post a complaint. Phrases are matched word by word, without regard to case or accents, in every
    language listed: posts rarely say which they are in. {service} stands for any of a service's words or of our own
    names."""

    symptoms: ByLanguage = Field(default_factory=dict)
    """Phrases that say something does not work; most hold {service}. Those without need a service's word near by, or
    one of our own names."""
    own_symptoms: Mapping[str, ByLanguage] = Field(default_factory=dict)
    """By service: phrases that name the service and the trouble at once ("lost power")."""
    operators: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """By service: our own names, brands and accounts, which mean that service where a post names none ("gmm is down",
    "@gmm_care")."""
    recovery: ByLanguage = Field(default_factory=dict)
    """Phrases that say it works again."""
    workaround: ByLanguage = Field(default_factory=dict)
    """Phrases that say what helps meanwhile."""
    helps: tuple[str, ...] = ()
    """Words one of which a post with such a phrase must hold ("works"); empty: none is needed."""
    denials: ByLanguage = Field(default_factory=dict)
    """Phrases that sound like a symptom and say that all is well ("no power outages")."""
    namesakes: ByLanguage = Field(default_factory=dict)
    """Other things of the name of a service or of ours ("data science", "orange juice", "vodafone arena"): the words do
    not count, and one with our own name in it makes its clause no claim about us."""
    negations: tuple[str, ...] = ()
    """Words just before a symptom that turn it round ("never lost power")."""
    unreal: tuple[str, ...] = ()
    """Words before a symptom that make it a fear or a wish ("if we lose power")."""
    others: tuple[str, ...] = ()
    """Words before a symptom that tell of others ("customers remain without power", "my friend has no internet"): not
    a customer who speaks for himself."""
    myself: tuple[str, ...] = ()
    """Words of the customer's own between such a word and the symptom, which undo it ("my mom and I have no power")."""
    past: tuple[str, ...] = ()
    """Words that put a symptom of the same sentence into a time long past ("last week")."""
    lasting: tuple[str, ...] = ()
    """Words that say it lasts or comes again, whenever it began ("since", "again")."""
    sarcasm: tuple[str, ...] = ()
    """Praise that is none where something is wrong ("thanks a lot", "great service")."""
    grievances: tuple[str, ...] = ()
    """Words of what is wrong that make such praise a complaint ("third day", "useless")."""
    joins: tuple[str, ...] = ()
    """Words between services that share a symptom ("no power or internet")."""
    fillers: tuple[str, ...] = ()
    """Words that may stand inside any phrase without changing it ("power is officially out")."""
    spellings: Mapping[str, str] = Field(default_factory=dict)
    """Short and wrong spellings of a word, and how phrases spell it ("dont": "do not")."""
    promotions: ByLanguage = Field(default_factory=dict)
    """Phrases of offers: a post with one of them is no complaint ("switch to us")."""
    news: ByLanguage = Field(default_factory=dict)
    """Phrases of news and of offices: a post with one of them is no customer's complaint."""
    ignore: ByLanguage = Field(default_factory=dict)
    """Phrases of jokes, songs, films and all else that is no complaint."""
    model: str | None = None
    """File that `notifier train` made, relative to the directory of the configuration. None: words alone decide."""
    model_threshold: float | None = Field(default=None, ge=0.01, le=0.99)
    """How sure the model must be that a post is a complaint before it adds one that the words miss. None: the figure
    that was best over the events it was fitted to, each left out in turn."""
    nowhere: tuple[str, ...] = ()
    """Places people claim to be from that are none ("Hogwarts")."""
    not_places: tuple[str, ...] = ()
    """Names of places that are more often something else in posts ("Mobile", "Reading")."""


def _an_hour(value: timedelta) -> timedelta:
    if value < timedelta(hours=1):
        raise ValueError("expected at least 1h: levels are learnt hour by hour")
    return value


def _a_day(value: timedelta) -> timedelta:
    if value > timedelta(days=1):
        raise ValueError("expected at most 1d: nobody would be heard until then")
    return value


class DetectionSettings(Settings):
    """Limits of the detector. "People" are distinct authors; reposts, copies and repeats count nobody new."""

    tick: Duration = timedelta(seconds=10)
    """How often counts are looked at."""
    windows: Lengths = (1, 2, 3, 5, 8, 13, 21, 34)
    """Lengths of the windows that are tested, in minutes."""

    @property
    def spikes(self) -> SpikeSettings:
        """What the spike detector takes of these."""
        return SpikeSettings(windows=self.windows, prior_per_minute=self.prior_per_minute,
                             listen_first_minutes=self.listen_first.total_seconds() / 60,
                             level_half_life_hours=self.learn_half_life.total_seconds() / 3600)
    minimum_people: int = Field(default=5, ge=2)
    """Fewer people than this are never a spike, however unusual."""
    false_alarms_per_month: float = Field(default=1.0, gt=0, le=FALSE_ALARMS_MOST)
    """How many false alarms in 30 days are put up with, over all services and regions together."""
    prior_per_minute: float = Field(default=0.01, gt=0, le=MOST_PER_MINUTE)
    """People who complain a minute, per service and region, before anything was learnt."""
    listen_first: Annotated[Duration, AfterValidator(_a_day)] = timedelta(minutes=10)
    """How long a new deployment listens before anything is called unusual: what is so from the first minute on may
    always be so. 0s: `prior_per_minute` is believed at once."""
    learn_half_life: Annotated[Duration, AfterValidator(_an_hour)] = timedelta(days=4)
    """How fast the usual level follows what is heard."""
    quiet_after: Duration = timedelta(minutes=15)
    """A spike is over when nothing unusual was heard for so long (a third of it once people say it works again)."""
    once_within: Duration = timedelta(hours=1)
    """One person counts once per service within this."""
    copies_within: Duration = timedelta(minutes=30)
    """Posts of the same words within this count as one."""
    late_within: Duration = timedelta(minutes=15)
    """A post that arrives later than this after it was written is too old to count."""
    home_region: str | None = None
    """The operator's whole territory: complaints without a place speak of it, and complaints from outside are left
    alone. None: every region is watched, and complaints without a place are not counted."""
    home_needs: int = Field(default=2, ge=0)
    """People with a known place in the home region without whom posts of no place start nothing there."""
    roll_up_children: int = Field(default=3, ge=2)
    """From so many failing children on, their parent is reported in their place."""
    roll_up_share: float = Field(default=0.7, gt=0, le=1)
    """The parent is reported too where failing children explain less than this share of its people."""
    own_accounts: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Our own accounts, by the name staff know, each as "network:author" the way listeners give it ("x:2244994945",
    "bluesky:did:plc:...", "mastodon:care@social.example"). Their posts are no complaints; their replies tell whether
    an old queue is being answered while an outage goes unacknowledged."""
    samples: int = Field(default=3, ge=0, le=10)
    """Posts kept as examples with a signal; public posts, without their authors."""
    series_most: int = Field(default=50_000, ge=100)
    """Series kept; the quietest is forgotten first."""
    remember_most: int = Field(default=200_000, ge=1000)
    """Authors and texts remembered for counting people once."""

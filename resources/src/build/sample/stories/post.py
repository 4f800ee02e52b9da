"""Letters: somebody writes to somebody, in the first person, with a place, a greeting, news, a question and a name at the end."""

from . import words


def letter(t):
    t.put(a=t.child(), b=t.child(), c=t.anyone(), p=t.place(), x=t.thing(words.SMALL_THINGS))
    t.paragraphs.append(t.say("[At|From] {p}, <day> <daypart>", p=t.place()))
    t.paragraphs.append(t.say("[Dear|My dear|Dearest|Dear old] {a},"))
    t.tell("[thank you for your letter|your letter came on <day>|I hope that you are well|I am sorry that I did not write for so long|how are you? I am well]. "
           "[We have had nothing but <weather> weather|It has been <weather> since <day>|The <season> has come early|I can see {p} from my window|The house is quiet without you].")
    t.dice.pick([_gift, _visit, _news, _work])(t)
    t.tell(t.dice.pick([
        "[Please|Do] [tell me|write to me] [how you are|what you do all day|whether the <beast> is better|if the old <tree> tree still stands|when you will come].",
        "[Will you come|Can you come|Do come] [in <season>|on <day>|before the <season> is over]? [I will meet you at the gate|There is a bed for you in the <room>|We could go to {p} together].",
        "[I think of you|I think of you often|We all miss you]. [The <beast> waits for you at the gate|Nobody here can whistle as you do|Your chair is empty].",
    ]))
    t.paragraphs.append(t.say("[Yours,|Your friend,|With love,|Yours always,|With many greetings,|Yours in haste,]"))
    t.paragraphs.append(t.say("{b}"))
    if t.dice.chance(0.45):
        t.tell("P.S. [The {x} is for you|I have found your {x}|Do not forget the {x}|{c} sends greetings|Give my greetings to the <folk>|I owe you a song|Burn this letter|The stamp shows a <bird>].")


def _gift(t):
    t.tell("[In the parcel is|I send you|With this letter comes] {x.a}. [I found it at the market|I made it myself|It was my grandmother's|The <folk> gave it to me]. [Keep it|Use it] [well|on <day>|when you think of me|until I come].")


def _visit(t):
    t.tell("[Yesterday|On <day>|Last week] I [went|walked|rode] to {q} [with|to see] {c}. [We had <food> and <dish>|We talked until <daypart>|We got lost twice|It rained and we laughed]. [I wish that you had been with us|You would have liked it|We spoke of you].", q=t.place())


def _news(t):
    t.tell("[I have news|There is news|You will not believe my news]: [the <folk> has married|the bridge is gone|we have a new <folk>|the <beast> has come home|my brother is going to sea|the <landmark> was struck by lightning]. [I was there|Nobody speaks of anything else|I heard it from {c}|I saw it myself].")


def _work(t):
    t.tell("I [learn to|help to] [bake|knit|row|mend nets|keep bees|ring the bells|paint doors] [with|for] the <folk> [now|since <season>]. [My hands are sore|It is hard work|I am not good at it yet], but [I am glad|I do not mind|I learn something every day|the <dish> is good].")


LETTERS = [letter]

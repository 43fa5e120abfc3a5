"""The commonest given names of English, German, Spanish, French, Italian and a few other languages, in lower case.

A column of whose values many begin with one is a column of people's names, whatever it is called. Where that is asked: `guard`.
Common names, known from nobody's records; surnames alone are not told from other words.
"""

_NAMES = """
james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald
steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob gary nicholas eric
jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander raymond patrick jack dennis jerry
tyler aaron mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty margaret sandra
ashley dorothy kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca laura sharon cynthia
kathleen amy angela shirley anna brenda pamela emma nicole helen samantha katherine christine debra rachel carolyn
janet catherine maria heather diane ruth julie olivia joyce virginia victoria kelly lauren christina joan evelyn
judith megan andrea cheryl hannah jacqueline martha gloria teresa ann sara madison frances kathryn janice jean alice
julia grace judy sophia denise oliver harry noah leo oscar theo freddie amelia isla ava ivy freya lily florence mia
poppy willow rosie sienna hans peter klaus wolfgang jürgen uwe bernd günter horst dieter manfred heinz karl fritz
stefan andreas matthias markus sabine petra monika ursula ingrid renate helga brigitte gisela karin heike claudia
birgit katrin anke ilse erika gerda lukas leon finn jonas felix lena leonie anneliese waltraud hannelore christa
gertrud josé jose antonio manuel francisco juan javier carlos jesús jesus alejandro miguel rafael pedro pablo fernando
luis sergio jorge alberto álvaro diego raúl enrique ramón vicente maría carmen josefa isabel dolores pilar ana
cristina marta lucía lucia francisca antonia mercedes rosario elena concepción sofía montserrat rosa guadalupe juana
jean pierre michel andré philippe rené louis alain jacques bernard marcel daniel françois nicolas laurent olivier luc
marie jeanne françoise monique nathalie isabelle jacqueline sylvie martine madeleine suzanne chantal brigitte camille
giuseppe giovanni mario luigi francesco angelo vincenzo giulia francesca chiara paola wei li ming mohammed muhammad
ahmed ali fatima aisha omar hassan ibrahim yusuf priya raj amit sunita ravi anjali nguyen yuki hiroshi sakura
"""
GIVEN_NAMES = frozenset(_NAMES.split())
